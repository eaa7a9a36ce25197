// The task graph of the article about Tawazi (https://github.com/mindee/tawazi): one node fetches, two calculate, and
// the last puts their results together.
//
//     ArticleGraph [MAX-CONCURRENCY]
//
// The article limits the graph to two nodes at a time, because two calculations at once would slow each other down.
// This program also states the reason: the calculations share a resource with a limit of 1.

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

// A new node can depend only on nodes that exist, so it cannot close a cycle. An added order can, and is then refused.
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
