// Fork and join: sorts the lines of a file, halves at the same time.
//
//     MergeSort FILE THREADS
//
// No actor and no task: `sort` is a plain function that calls itself. The compiler ensures that the halves share no
// mutable state.

import Foundation
import WorkStealing

typealias Line = [UInt8]

func sort(_ lines: ArraySlice<Line>) -> [Line] {
    // Handing over smaller halves costs more than sorting them.
    if lines.count <= 64 { return lines.sorted { $0.lexicographicallyPrecedes($1) } }
    let middle = lines.startIndex + lines.count / 2
    let (one, other) = Scheduler.fork({ sort(lines[..<middle]) }, { sort(lines[middle...]) })
    return merge(one, other)
}

func merge(_ one: [Line], _ other: [Line]) -> [Line] {
    var merged: [Line] = []
    merged.reserveCapacity(one.count + other.count)
    var (left, right) = (0, 0)
    while left < one.count, right < other.count {
        if other[right].lexicographicallyPrecedes(one[left]) {
            merged.append(other[right])
            right += 1
        } else {
            merged.append(one[left])
            left += 1
        }
    }
    return merged + one[left...] + other[right...]
}

let arguments = CommandLine.arguments
let file = try Data(contentsOf: URL(fileURLWithPath: arguments[1]))
let lines = file.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast().map { Line($0) }

// Worker 0 calls the closure of `run` first. Forks are allowed in it.
let (sorted, longest) = try Scheduler(threads: Int(arguments[2]) ?? 2).run {
    let sorted = sort(lines[...])
    let longest = Scheduler.reduce(0..<sorted.count, from: 0, combining: max) { sorted[$0].count }
    return (sorted, longest)
}
FileHandle.standardError.write(Data("\(sorted.count) lines, the longest has \(longest) bytes\n".utf8))
FileHandle.standardOutput.write(
    Data(sorted.joined(separator: [UInt8(ascii: "\n")]) + (sorted.isEmpty ? [] : [UInt8(ascii: "\n")])))
