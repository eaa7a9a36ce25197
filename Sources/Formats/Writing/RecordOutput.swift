// The path of records from the workers' streams to one sink.
//
//   RecordStream  a worker's own: encodes, gathers whole lines        no lock
//        │ pieces of 64 KiB and more
//        ▼
//   RecordOutput  a lock around the sink: pieces never interleave     a slow reader blocks workers with a full piece
//        │
//        ▼
//      sink       the program's: standard output, a file
//
// So at most one piece per worker is buffered, whatever the size of the tree. The lock is no `Resource`: to wait for it
// without a thread, a directory would have to stop in the middle of its entries, and only the reader holds up the
// waiters anyway. With a reader of 15 MB/s the monitor mistakes the blocked workers for missing ones, until all 64 are
// blocked: that costs 26 MiB in all instead of 16 with a fixed pool, and no time.
//
// With `--sorted` the lines go to a `RecordSorter` instead, and from there to the sink at the end. Formats in which
// directories contain their entries (`RecordFormat.tree`) go the same way, and through a `RecordTreeWriter`.

import Bytes
import CLinux
public import Entries
public import ExternalSort
public import ScanEngine
import Synchronization

/// Receives the records of one scan and hands them to a sink in whole lines.
///
/// ```swift
/// let output = RecordOutput(.ndjson, for: options, sorted: false) { try file.write($0) }
/// output.begin(options, version: "0.1.0", timing)
/// // while the scan runs, each worker writes to a stream of its own: output.makeStream()
/// output.finish(report)
/// if let failure = output.failure { … }
/// ```
public final class RecordOutput: MergingOutput {
    /// Takes whole lines. Called by one thread at a time, by any worker; may block.
    public typealias Sink = @Sendable (UnsafeRawBufferPointer) throws -> Void

    let format: RecordFormat
    private let digests: DigestSet
    private let asked: FieldSet
    private let sink: Sink
    /// Guards the sink, and holds the first error.
    private let state = Mutex<(any Error)?>(nil)
    /// Set once, when `state` gets its error. Relaxed: it only saves work, the lock decides.
    private let isFailed = Atomic<Bool>(false)

    /// Bytes that a stream gathers before it hands them over.
    static let pieceSize = 1 << 16

    /// Nil if the order is free.
    let sorter: RecordSorter?

    private let grace: StopGrace
    /// Whether a stop signal has cut sorted records off. Relaxed: one thread writes them, and reads this.
    private let isCut = Atomic<Bool>(false)

    /// Set by `begin` if the format is a tree.
    private let treeOptions = Mutex<ScanOptions?>(nil)

    /// - Parameters:
    ///   - format: the output format.
    ///   - options: of the scan.
    ///   - sorted: in the order of the PATHs, then of the paths' components, an entry before its errors. Formats that
    ///     are trees always are.
    ///   - memoryLimit: bytes for the records that are being sorted; beyond that they go to an unnamed file.
    ///   - temporaryDirectory: where that file is; nil: `$TMPDIR`, or `/tmp`.
    ///   - isCancelled: as in `Scan`. Once it returns true, the output of sorted records ends soon.
    public convenience init(
        _ format: RecordFormat, for options: ScanOptions, sorted: Bool, memoryLimit: Int = 56 << 20,
        temporaryDirectory: [UInt8]? = nil, isCancelled: @escaping @Sendable () -> Bool = { false },
        sink: @escaping Sink
    ) {
        let sorter = RecordSorter(memoryLimit: memoryLimit, temporaryDirectory: temporaryDirectory)
        self.init(
            format, for: options, sorter: sorted || format.isTree ? sorter : nil,
            grace: StopGrace(isCancelled: isCancelled), sink: sink)
    }

    /// For one of several processes that scan a tree together: the output of another one writes its records.
    ///
    /// - Parameter passOn: gets pieces for `MergingStream.take(_:)`. Called by any worker; may block.
    package static func passing(
        _ format: RecordFormat, for options: ScanOptions, sorted: Bool,
        on passOn: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) -> RecordOutput {
        let sorter = sorted || format.isTree ? RecordSorter(passingOn: passOn) : nil
        return RecordOutput(format, for: options, sorter: sorter, sink: passOn)
    }

    init(
        _ format: RecordFormat, for options: ScanOptions, sorter: RecordSorter?,
        grace: StopGrace = StopGrace { false }, sink: @escaping Sink
    ) {
        self.grace = grace
        self.format = format
        digests = DigestSet(options.hash)
        asked = options.asked
        self.sorter = sorter
        self.sink = sink
    }

    /// Whether a record could not be written. Once true, always true; everything after it is dropped.
    public var failed: Bool { isFailed.load(ordering: .relaxed) }

    package var isReadMeanwhile: Bool { true }
    package var sortsAtFlush: Bool { sorter != nil }

    /// False while another thread is writing.
    package var canBeFlushed: Bool { state.withLockIfAvailable { _ in true } ?? false }

    /// The first error.
    public var failure: (any Error)? { state.withLock { $0 } }

    /// Creates the temporary file, if records are sorted, so that a missing or unwritable directory is detected before
    /// anything is written. Call it before `begin`, or not at all.
    public func prepare() throws(TemporaryFileError) { try sorter?.prepare() }

    /// Writes the text before all records. Call it before the scan.
    ///
    /// - Precondition: one PATH, if the format is a tree.
    /// - Parameter timing: only the start of the scan is used.
    public func begin(_ options: ScanOptions, version: String, _ timing: Timing) {
        begin(options, version: version, timing, part: nil)
    }

    /// - Parameter part: nil if there are no others.
    package func begin(_ options: ScanOptions, version: String, _ timing: Timing, part: RecordPartNumber?) {
        if format.isTree {
            precondition(options.paths.count == 1, "a tree has one root")
            treeOptions.withLock { $0 = options }
        }
        var encoder = makeEncoder()
        encoder.part = part
        encoder.header(options: options, version: version, timing: timing)
        write(encoder.buffer.bytes)
    }

    package func makeStream() -> any EntryStream { RecordStream(self) }
    package func makeMergingStream() -> any MergingStream { RecordStream(self) }

    func makeEncoder(capacity: Int = 4096) -> RecordEncoder {
        RecordEncoder(format, digests: digests, asked: asked, capacity: capacity)
    }

    package var wantsState: Bool { false }

    /// Writes the rest, and the summary. Call it after the scan, when all streams were flushed.
    public func finish(_ report: ScanReport, includesStatistics: Bool = false) {
        finishWithoutSummary()
        var report = report
        if isCut.load(ordering: .relaxed) { report.complete = false }
        var encoder = makeEncoder()
        encoder.summary(of: report, includesStatistics: includesStatistics)
        write(encoder.buffer.bytes)
    }

    /// Instead of `finish`, for one of several outputs that share the records of a scan: another one has the summary.
    package func finishWithoutSummary() {
        if let sorter, let tree = format.tree, let options = treeOptions.withLock({ $0 }) {
            writeTree(tree, sorter, options)
        } else if let sorter {
            writeSorted(sorter)
        }
    }

    private func writeSorted(_ sorter: RecordSorter) {
        var piece = ByteBuffer(capacity: Self.pieceSize + 4096)
        forEachRecord(sorter) { record in
            piece.append(record.line)
            if piece.count >= Self.pieceSize { piece.drain { write($0) } }
        }
        piece.drain { write($0) }
    }

    private func writeTree(_ text: RecordTreeText, _ sorter: RecordSorter, _ options: ScanOptions) {
        var tree = RecordTreeWriter(text, options)
        forEachRecord(sorter) { record in
            tree.append(record)
            if tree.buffer.count >= Self.pieceSize { tree.buffer.drain { write($0) } }
        }
        tree.finish()
        tree.buffer.drain { write($0) }
    }

    /// In order, until a stop signal or a failure.
    private func forEachRecord(_ sorter: RecordSorter, _ body: (SortRecord) -> Void) {
        attempt { () throws(TemporaryFileError) in
            guard var merge = try sorter.takeMerges(1, unless: { grace.isOver })?.first else {
                return isCut.store(true, ordering: .relaxed)
            }
            var count = 0
            while !failed, let record = merge.record {
                count += 1
                if count % Self.recordsBetweenQuestions == 0, grace.isOver {
                    return isCut.store(true, ordering: .relaxed)
                }
                body(record)
                try merge.advance()
            }
        }
    }

    private static let recordsBetweenQuestions = 100

    /// Runs an operation on the temporary files; an error counts as one of the output.
    func attempt(_ body: () throws(TemporaryFileError) -> Void) {
        do throws(TemporaryFileError) {
            try body()
        } catch {
            state.withLock { failure in
                if failure == nil { failure = error }
                isFailed.store(true, ordering: .relaxed)
            }
        }
    }

    /// Hands whole lines to the sink, unless something has failed before.
    func write(_ lines: UnsafeRawBufferPointer) {
        guard !failed, !lines.isEmpty else { return }
        state.withLock { failure in
            guard failure == nil else { return }
            do {
                try sink(lines)
            } catch {
                failure = error
                isFailed.store(true, ordering: .relaxed)
            }
        }
    }
}

extension Scan {
    /// - Parameters:
    ///   - records: gets a record of each entry and error while the scan runs. The caller writes its header and
    ///     summary. If it fails, the scan ends.
    ///   - isCancelled, onError: as in the other initialiser.
    /// - Throws: `ScanUnavailable` if a library on this machine cannot do what the options ask for.
    public convenience init(
        _ options: ScanOptions, records: RecordOutput, isCancelled: @escaping @Sendable () -> Bool = { false },
        onError: (@Sendable (ScanError) -> Void)? = nil
    ) throws(ScanUnavailable) {
        var environment = ScanEnvironment()
        environment.outputs = [records]
        (environment.isCancelled, environment.onError) = (isCancelled, onError)
        try self.init(options, environment)
    }
}
