/// Merges sorted runs: returns the records of all of them in order.
///
/// A binary heap of cursors; each record costs about two comparisons for each doubling of the number of runs.
package struct RunMerge {
    /// `heap[i]` stands at no later record than `heap[2i + 1]` and `heap[2i + 2]`; none is at its end.
    private var heap: [RunCursor]

    init(_ cursors: [RunCursor]) {
        heap = cursors.filter { $0.record != nil }
        for index in (0..<heap.count / 2).reversed() { siftDown(index) }
    }

    /// The next record; nil at the end. Valid until `advance()`.
    package var record: SortRecord? { heap.first?.record }

    package mutating func advance() throws(TemporaryFileError) {
        guard let first = heap.first else { return }
        try first.advance()
        if first.record == nil {
            heap[0] = heap[heap.count - 1]
            heap.removeLast()
        }
        siftDown(0)
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            let (left, right) = (2 * index + 1, 2 * index + 2)
            if left < heap.count, precedes(left, least) { least = left }
            if right < heap.count, precedes(right, least) { least = right }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }

    private func precedes(_ one: Int, _ other: Int) -> Bool {
        guard let left = heap[one].record, let right = heap[other].record else {
            preconditionFailure("a cursor at its end is not in the heap")
        }
        return left < right
    }
}
