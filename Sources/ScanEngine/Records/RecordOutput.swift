// Where records go: from the workers' streams to one sink.
//
//   RecordStream  a worker's own: encodes, gathers whole lines        no lock
//        │ pieces of 64 KiB and more
//        ▼
//   RecordOutput  a lock around the sink: pieces never interleave     a slow reader blocks whoever has a full piece
//        │
//        ▼
//      sink       the program's: standard output, a file
//
// So what is held back is one piece for each worker, whatever the size of the tree.

import CLinux
import Synchronization

/// Receives the records of one scan and hands them to a sink in whole lines.
///
/// ```swift
/// let output = RecordOutput(digests: DigestSet(options.hash)) { try file.write($0) }
/// output.begin(options, version: "0.1.0", timing)
/// // while the scan runs, each worker writes to a stream of its own: output.makeStream()
/// output.finish(report)
/// if let failure = output.failure { … }
/// ```
public final class RecordOutput: Sendable {
    /// Takes whole lines. Called by one thread at a time, by any worker; may block.
    public typealias Sink = @Sendable (UnsafeRawBufferPointer) throws -> Void

    let digests: DigestSet
    private let sink: Sink
    /// Guards the sink, and holds the first error.
    private let state = Mutex<(any Error)?>(nil)
    /// Set once, when `state` gets its error. Relaxed: it only saves work, the lock decides.
    private let isFailed = Atomic<Bool>(false)

    /// Bytes that a stream gathers before it hands them over.
    static let pieceSize = 1 << 16

    /// - Parameter digests: the algorithms of the scan.
    public init(digests: DigestSet, sink: @escaping Sink) {
        self.digests = digests
        self.sink = sink
    }

    /// Whether a record could not be written. Once true, always true; everything after it is dropped.
    public var failed: Bool { isFailed.load(ordering: .relaxed) }

    /// The first error.
    public var failure: (any Error)? { state.withLock { $0 } }

    /// Writes the header. To be called before the scan.
    ///
    /// - Parameter timing: when the scan starts; nothing else of it is looked at.
    public func begin(_ options: ScanOptions, version: String, _ timing: Timing) {
        var encoder = RecordEncoder(digests: digests)
        encoder.header(options: options, version: version, timing: timing)
        write(encoder.buffer.bytes)
    }

    /// For one worker, which must `flush()` it after its last record.
    package func makeStream() -> RecordStream { RecordStream(self) }

    /// Writes what is left, and the summary. To be called after the scan, when all streams were flushed.
    public func finish(_ report: ScanReport, includesStatistics: Bool = false) {
        var encoder = RecordEncoder(digests: digests)
        encoder.summary(of: report, includesStatistics: includesStatistics)
        write(encoder.buffer.bytes)
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
