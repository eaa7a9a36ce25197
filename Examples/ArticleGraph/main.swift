// The task graph of the article about Tawazi (https://github.com/mindee/tawazi): one node fetches, two calculate, and
// the last puts their results together.
//
//     ArticleGraph [MAX-CONCURRENCY]
//
// The article limits the graph to two nodes at a time, because two calculations at once would slow each other down.
// That is said here as what it is, too: the calculations share a resource of which there is one.

import TaskGraphs
import WorkStealing

let maxConcurrency = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 2 : 2
let interpreter = LimitedResource("interpreter", limit: 1)

func calculate() -> Int { (0..<1_000_000).reduce(0) { sum, number in sum % 3 == 0 ? sum + number : sum + 1 } }

var graph = TaskGraph(maxConcurrency: maxConcurrency)
let length = graph.add("len_data", priority: 10) {
    try await Task.sleep(for: .milliseconds(50))  // a page on its way
    return "<html>…</html>".utf8.count
}
let first = graph.add("execution_result", using: [interpreter]) { calculate() }
let second = graph.add("execution_result2", using: [interpreter]) { calculate() }
let final = graph.add("final", after: length, first, second) { length, first, second in
    "\(length) + \(first) + \(second) = \(length + first + second)"
}

// What is added can only wait for what is there; an order between nodes that exist can be refused.
do {
    try graph.order(final, before: first)
} catch {
    print(error)
}

let report = try graph.run(threads: 2)
print(try report.result(of: final))
for timing in report.timings { print(timing.name, "priority", timing.priority) }
print("critical:", report.criticalPath.joined(separator: " → "))
print(graph.graphviz, terminator: "")
