// Shared by the tests of records: sinks that collect, and lines without a scan.

import Bytes
import Entries
import ExternalSort
import LinuxKernel
import Synchronization
import TestSupport

@testable import Formats
@testable import ScanEngine

/// A sink that keeps its input.
final class CollectingSink: Sendable {
    private let state = Mutex<(bytes: [UInt8], pieces: [Int])>(([], []))

    func take(_ piece: UnsafeRawBufferPointer) {
        state.withLock {
            $0.bytes.append(contentsOf: piece)
            $0.pieces.append(piece.count)
        }
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    /// Sizes, in order.
    var pieces: [Int] { state.withLock { $0.pieces } }
    var lines: [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "\n")) }
}

extension RecordOutput {
    /// A sorting output with dimensions for small worlds.
    convenience init(
        memoryLimit: Int, fanIn: Int, bufferSize: Int, temporaryDirectory: ByteString? = nil, sink: @escaping Sink
    ) {
        let sorter = RecordSorter(
            memoryLimit: memoryLimit, temporaryDirectory: temporaryDirectory?.bytes, fanIn: fanIn,
            bufferSize: bufferSize)
        self.init(.ndjson, for: ScanOptions(paths: [], threads: 1), sorter: sorter, sink: sink)
    }
}

extension RecordEncoder {
    /// The lines that `body` writes.
    static func lines(
        _ algorithms: [DigestAlgorithm] = [], _ body: (inout RecordEncoder) throws -> Void
    ) rethrows
        -> [UInt8]
    {
        var encoder = RecordEncoder(.ndjson, digests: DigestSet(algorithms))
        try body(&encoder)
        return Array(encoder.buffer.bytes)
    }

    mutating func entry(
        _ path: ByteString, _ kind: EntryKind, _ status: FileStatus, _ content: EntryContent = .init()
    ) {
        path.bytes.withUnsafeBytes { entry(path: $0, kind: kind, status: status, content: content) }
    }
}

/// The status of the entry at `path`; a symlink is not followed.
func status(of path: ByteString) throws -> FileStatus {
    var status = FileStatus()
    try path.withCString { try Kernel.status(of: $0, in: Kernel.workingDirectory, into: &status) }
    return status
}

/// The output of a program that reads `input`.
func output(of program: [ByteString], reading input: [UInt8]) throws -> String {
    String(decoding: try output(of: program, ProcessOptions { $0.input = input }), as: UTF8.self)
}
