import Bytes
import CLinux
package import Entries
import ExternalSort
package import LinuxKernel

/// One worker's connection to a `RecordOutput`. Not for two threads at a time.
///
/// Lines are handed over when there are 64 KiB of them, or with the first line that comes a second or more after the
/// last hand-over: a scan that reads large files writes few lines, and a user may be watching. The last lines before a
/// worker went idle wait for its next line or the end of the scan; a timer would have to take the lines from another
/// thread, and so cost a lock per line. With `--sorted` they wait for the end in any case, in an arena.
package final class RecordStream: MergingStream {
    private let output: RecordOutput
    /// A struct, so that each record costs one exclusivity check, not one for each property.
    private var lines: Lines

    init(_ output: RecordOutput) {
        self.output = output
        lines = Lines(output)
        output.sorter?.addStream()
    }

    /// An entry that was stat'ed.
    ///
    /// - Parameters:
    ///   - root: index of its PATH: `--sorted` keeps them apart.
    ///   - path: as `find PATH` prints it.
    package func entry(
        root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus,
        content: EntryContent = EntryContent()
    ) {
        if output.failed { return }
        lines.entry(root, path, kind, status, content)
    }

    /// An entry that could not be stat'ed, with the kind that readdir gave; its error is a separate record.
    package func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind) {
        if output.failed { return }
        lines.append(root, path) { $0.unknownEntry(path: path, kind: kind) }
    }

    package func error(root: Int, _ error: ScanError) {
        if output.failed { return }
        error.path.withUnsafeBytes { path in lines.append(root, path) { $0.error(error) } }
    }

    /// A name that a pattern excludes.
    package func excluded(root: Int, path: UnsafeRawBufferPointer) {
        if output.failed { return }
        lines.append(root, path) { $0.excluded() }
    }

    package func take(_ piece: UnsafeRawBufferPointer) -> Bool { output.failed || lines.take(piece) }

    /// Hands over everything. Call it after the last record.
    package func flush() { lines.flush() }
}

/// The lines that a stream has gathered.
private struct Lines: ~Copyable {
    private let output: RecordOutput
    private var encoder: RecordEncoder
    private var arena: RecordArena
    /// Seconds of the monotonic clock at the last hand-over.
    private var handedOver = Lines.now()

    init(_ output: RecordOutput) {
        self.output = output
        encoder = output.makeEncoder(capacity: RecordOutput.pieceSize + 4096)
        arena = output.sorter?.makeArena() ?? RecordArena()
    }

    mutating func entry(
        _ root: Int, _ path: UnsafeRawBufferPointer, _ kind: EntryKind, _ status: borrowing FileStatus,
        _ content: EntryContent
    ) {
        encoder.entry(path: path, kind: kind, status: status, content: content)
        lineEnded(root, path)
    }

    mutating func append(
        _ root: Int, _ path: UnsafeRawBufferPointer, _ encode: (inout RecordEncoder) -> Void
    ) {
        encode(&encoder)
        lineEnded(root, path)
    }

    mutating func flush() {
        encoder.buffer.drain { output.write($0) }
        if let sorter = output.sorter {
            output.attempt { () throws(TemporaryFileError) in try sorter.keep(arena) }
            arena = sorter.makeArena()
        }
    }

    mutating func take(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard let sorter = output.sorter else {
            output.write(piece)
            return true
        }
        guard arena.append(records: piece) else { return false }
        makeRoom(sorter)
        return true
    }

    private func makeRoom(_ sorter: RecordSorter) {
        output.attempt { () throws(TemporaryFileError) in try sorter.makeRoom(in: arena) }
    }

    private mutating func lineEnded(_ root: Int, _ path: UnsafeRawBufferPointer) {
        // Some formats write nothing for some records.
        if encoder.buffer.count == 0 { return }
        if let sorter = output.sorter {
            arena.append(root: root, path: path, line: encoder.buffer.bytes)
            encoder.buffer.drain { _ in }
            makeRoom(sorter)
            return
        }
        let now = Self.now()
        guard encoder.buffer.count >= RecordOutput.pieceSize || now > handedOver else { return }
        handedOver = now
        flush()
    }

    /// The coarse clock costs a few nanoseconds: it is read from memory that the kernel shares.
    private static func now() -> Int { Int(clinux_now(CLOCK_MONOTONIC_COARSE).tv_sec) }
}
