// Sorts records by path in bounded memory: an external merge sort. `--sorted` sorts lines with it; saved scans and diff
// sort entries (Formats/Sorting).
//
//   worker 1   arena ── full: sort ──▶ run ┐
//   worker 2   arena ── full: sort ──▶ run ├── RunFile: one unnamed file
//   …                                  run ┘        │
//                 │ at the end: sort                │ at the end: while there are more runs than `fanIn`,
//                 ▼                                 ▼ merge some of them into one
//              what is left in memory  ────▶  one merge  ────▶  sink
//
// Memory: the arenas together have `memoryLimit`, the merge has at most `fanIn` buffers. With 16 MiB of them it takes 6
// GB of records in one pass; two passes would write and read most of the records twice. (A single record is always in
// memory as a whole: a path of megabytes takes megabytes.) A slow disk blocks the workers that write runs to it, so up
// to 64 others replace them. These get no memory while the arenas of the first ones are being written.
//
// If another process sorts, this one only passes its records on, in pieces.

import Glibc
import Synchronization

/// Takes sorted runs from the streams and returns all records in order.
package final class RecordSorter: Sendable {
    private let memoryLimit: Int
    private let file: RunFile
    /// The number of runs merged at once, and the bytes read of each at once.
    private let fanIn: Int
    private let bufferSize: Int
    /// Streams created so far: they share the memory. Relaxed: a stream may learn late that its share has shrunk.
    private let streams = Atomic<Int>(0)
    /// The sizes of all arenas that are being filled or written, as noted. Relaxed: a stream may learn late that there
    /// is no room, or that there is.
    private let held = Atomic<Int>(0)
    /// How many streams write runs. Relaxed: only for the question whether to wait.
    private let writers = Atomic<Int>(0)
    private let blocks = BlockPool()
    /// Gets the records if another process sorts them.
    private let passOn: (@Sendable (UnsafeRawBufferPointer) -> Void)?
    private let state = Mutex(State())

    private struct State {
        var runs: [RunFile.Run] = []
        /// Sorted.
        var arenas: [RecordArena] = []
        /// Bytes of `arenas`.
        var arenaBytes = 0
    }

    /// - Parameters:
    ///   - temporaryDirectory: nil: `$TMPDIR`, or `/tmp`.
    ///   - fanIn: at least 2.
    package init(memoryLimit: Int, temporaryDirectory: [UInt8]?, fanIn: Int = 256, bufferSize: Int = 1 << 16) {
        precondition(fanIn >= 2, "a merge takes two runs or more")
        self.memoryLimit = memoryLimit
        self.fanIn = fanIn
        self.bufferSize = max(bufferSize, SortRecord.headerSize)
        file = RunFile(directory: temporaryDirectory)
        passOn = nil
    }

    /// For a process whose records another one sorts.
    ///
    /// - Parameter passOn: gets whole records, in no order, for `RecordArena.append(records:)`. Called by any stream; may
    ///   block.
    package init(passingOn passOn: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        (memoryLimit, fanIn, bufferSize) = (0, 2, SortRecord.headerSize)
        file = RunFile(directory: nil)
        self.passOn = passOn
    }

    /// Arenas of this size are passed on.
    private static let pieceSize = 128 << 10

    /// Creates the temporary file before the scan, so that data that does not fit into memory has a place.
    package func prepare() throws(TemporaryFileError) { if passOn == nil { try file.prepare() } }

    /// For a stream that fills it, or a part of it, again and again.
    package func makeArena() -> RecordArena { RecordArena(blocks) }

    package func addStream() { streams.wrappingAdd(1, ordering: .relaxed) }

    /// While all memory is in use, an arena with fewer bytes waits for others, and is not written: many short runs take
    /// long to merge.
    static let shortRun = 256 << 10
    /// Microseconds. A run takes some ten milliseconds, and on a slow disk, seconds.
    private static let waitingTime: UInt32 = 1_000

    /// How many bytes an arena may have before it is to be spilled.
    package var share: Int {
        passOn == nil ? memoryLimit / max(streams.load(ordering: .relaxed), 1) : Self.pieceSize
    }

    /// How many runs are on disk.
    var runCount: Int { state.withLock { $0.runs.count } }

    // MARK: Runs in

    /// Call it after each record. Writes the arena to disk if it has its share of the memory, or if all memory is in
    /// use; a short arena waits for those that are being written.
    package func makeRoom(in arena: RecordArena) throws(TemporaryFileError) {
        let (used, noted) = arena.sizes
        if used >= share { return try spill(arena) }
        if used - noted < BlockPool.blockSize || passOn != nil { return }
        arena.noted = used
        held.wrappingAdd(used - noted, ordering: .relaxed)
        while held.load(ordering: .relaxed) >= memoryLimit {
            if used >= Self.shortRun { return try spill(arena) }
            // Nobody is about to free memory: other workers have ended with what their arenas hold.
            if writers.load(ordering: .relaxed) == 0 { return }
            usleep(Self.waitingTime)
        }
    }

    /// Writes the records to disk and empties the arena.
    package func spill(_ arena: RecordArena) throws(TemporaryFileError) {
        if arena.isEmpty { return }
        if let passOn {
            arena.withRecords { passOn($0) }
            return arena.removeAll()
        }
        arena.sort()
        writers.wrappingAdd(1, ordering: .relaxed)
        defer { writers.wrappingSubtract(1, ordering: .relaxed) }
        var writer = try RunWriter(file, length: Int64(arena.recordBytes))
        for index in 0..<arena.count { try writer.append(arena[index]) }
        let run = try writer.finish()
        state.withLock { $0.runs.append(run) }
        held.wrappingSubtract(arena.noted, ordering: .relaxed)
        arena.removeAll()
    }

    /// Takes over the arena, in memory if it fits beside the others.
    package func keep(_ arena: RecordArena) throws(TemporaryFileError) {
        if arena.isEmpty { return }
        if passOn != nil { return try spill(arena) }
        arena.sort()
        let isKept = state.withLock { state in
            guard state.arenaBytes + arena.size <= memoryLimit else { return false }
            state.arenas.append(arena)
            state.arenaBytes += arena.size
            return true
        }
        if !isKept { try spill(arena) }
    }

    // MARK: Records out

    /// All records in order, for the caller to go through; the sorter forgets them.
    package func takeMerge() throws(TemporaryFileError) -> RunMerge { try takeMerges(1)[0] }

    /// All records in order, for the caller to read once per merge; the sorter forgets them.
    package func takeMerges(_ count: Int) throws(TemporaryFileError) -> [RunMerge] {
        guard let merges = try takeMerges(count, unless: { false }) else { preconditionFailure("nothing stopped it") }
        return merges
    }

    /// The same.
    ///
    /// - Parameter isStopped: asked while runs are merged into longer ones, which takes minutes if there are many.
    /// - Returns: nil if it was stopped.
    package func takeMerges(
        _ count: Int, unless isStopped: () -> Bool
    ) throws(TemporaryFileError) -> [RunMerge]? {
        blocks.removeAll()
        let (all, arenas) = state.withLock { state in
            defer { state = State() }
            return (state.runs, state.arenas)
        }
        guard let runs = try reduce(all, isStopped) else { return nil }
        var merges: [RunMerge] = []
        for _ in 0..<count {
            var cursors = arenas.map { RunCursor($0) }
            for run in runs { cursors.append(try RunCursor(run, in: file, bufferSize: bufferSize)) }
            merges.append(RunMerge(cursors))
        }
        return merges
    }

    /// Merges runs until at most `fanIn` are left: as few and as short ones as possible.
    private func reduce(
        _ all: [RunFile.Run], _ isStopped: () -> Bool
    ) throws(TemporaryFileError) -> [RunFile.Run]? {
        var runs = all.sorted { $0.length < $1.length }[...]
        while runs.count > fanIn {
            if isStopped() { return nil }
            let part = runs.prefix(min(fanIn, runs.count - fanIn + 1))
            runs = runs.dropFirst(part.count)
            // Behind the others, so that each run is copied about equally often.
            guard let merged = try merge(part, isStopped) else { return nil }
            runs.append(merged)
            for run in part { file.discard(run) }
        }
        return Array(runs)
    }

    private func merge(
        _ runs: ArraySlice<RunFile.Run>, _ isStopped: () -> Bool
    ) throws(TemporaryFileError) -> RunFile.Run? {
        var cursors: [RunCursor] = []
        for run in runs { cursors.append(try RunCursor(run, in: file, bufferSize: bufferSize)) }
        var merge = RunMerge(cursors)
        var writer = try RunWriter(file, length: runs.reduce(0) { $0 + $1.length })
        var count = 0
        while let record = merge.record {
            try writer.append(record)
            try merge.advance()
            count += 1
            if count % Self.recordsBetweenQuestions == 0, isStopped() { return nil }
        }
        return try writer.finish()
    }

    private static let recordsBetweenQuestions = 1_000
}
