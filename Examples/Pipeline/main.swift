// Coroutines that pass values: counts the most frequent words of a text.
//
//     Pipeline FILE [THREADS]
//
//   reader ──lines──▶ 3 splitters ──words──▶ counter, one value at a time
//
// A coroutine receives its first values as arguments, and more while it runs with `for await`. `send` is its yield: it
// hands out a value, and suspends while the channel is full. `finish` ends the stream. Each channel holds at most four
// values, however long the text is.

import Foundation
import WorkStealing

func read(_ text: String, into lines: Channel<String>) async throws {
    for line in text.split(separator: "\n") { try await lines.send(String(line)) }
    lines.finish()
}

func split(_ lines: Channel<String>, into words: Channel<String>) async throws {
    for await line in lines {
        for word in line.split(whereSeparator: { !$0.isLetter }) { try await words.send(word.lowercased()) }
    }
}

func count(_ words: Channel<String>) async -> [String: Int] {
    var counts: [String: Int] = [:]
    for await word in words { counts[word, default: 0] += 1 }
    return counts
}

let arguments = CommandLine.arguments
guard arguments.count >= 2 else { fatalError("usage: Pipeline FILE [THREADS]") }
let text = try String(contentsOfFile: arguments[1], encoding: .utf8)
let (lines, words) = (Channel<String>(capacity: 4), Channel<String>(capacity: 4))

let scheduler = Scheduler(threads: arguments.count > 2 ? Int(arguments[2]) ?? 2 : 2)
scheduler.spawn { try await read(text, into: lines) }
scheduler.spawn {
    // Children of a group run on the pool of their parent.
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<3 { group.addTask { try await split(lines, into: words) } }
        try await group.waitForAll()
    }
    words.finish()
}
scheduler.spawn {
    let counts = await count(words)
    for (word, count) in counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }).prefix(10) {
        print("\(count) \(word)")
    }
}
try scheduler.run()
