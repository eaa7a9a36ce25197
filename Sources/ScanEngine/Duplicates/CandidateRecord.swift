import CLinux
import Entries
import ExternalSort
import LinuxKernel

/// A name of a regular file, as a record of the sorter.
///
/// ```
///   key    size, as 10 digits of base 128 with the highest bit set: a key has no slash (see SortRecord)
///   line   device · inode · path · NUL          and if the scan has read the file:
///          mode · allocated bytes · mtime, seconds and nanoseconds · ctime, likewise · digest
/// ```
///
/// Numbers are big-endian. Names of one inode sort by their paths, as NUL precedes all other bytes.
struct CandidateRecord {
    private let record: SortRecord

    /// - Parameter record: valid as long as this is used.
    init(_ record: SortRecord) { self.record = record }

    /// The index of the only root, of four bytes, precedes it.
    var size: Int64 { record.key[4...].reduce(0) { $0 << 7 | Int64($1 & 0x7F) } }

    var identity: DeviceInode { DeviceInode(device: number(at: 0), inode: number(at: 8)) }

    var path: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: record.line[Self.pathStart..<pathEnd]) }

    /// The status and the digest of a file that the scan has read.
    var content: (status: ContentStatus, digest: UnsafeRawBufferPointer)? {
        let start = pathEnd + 1
        if start == record.line.count { return nil }
        let status = ContentStatus(
            identity: identity, mode: number(at: start), size: size,
            allocatedBytes: number(at: start + 4), mtime: (number(at: start + 12), number(at: start + 20)),
            ctime: (number(at: start + 24), number(at: start + 32)))
        return (status, UnsafeRawBufferPointer(rebasing: record.line[(start + Self.statusBytes)...]))
    }

    private static let pathStart = 16
    private static let statusBytes = 36

    private var pathEnd: Int {
        let line = record.line
        guard let end = memchr(line.baseAddress! + Self.pathStart, 0, line.count - Self.pathStart) else {
            preconditionFailure("the path of a candidate does not end with NUL")
        }
        return UnsafeRawPointer(end) - line.baseAddress!
    }

    private func number<Number: FixedWidthInteger>(at offset: Int) -> Number {
        Number(bigEndian: record.line.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// - Parameters:
    ///   - digest: empty if the scan has not read the file.
    ///   - line: scratch memory.
    static func append(
        _ path: UnsafeRawBufferPointer, _ status: borrowing FileStatus, digest: [UInt8], to arena: RecordArena,
        through line: inout [UInt8]
    ) {
        func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.bigEndian) { line.append(contentsOf: $0) }
        }
        line.removeAll(keepingCapacity: true)
        append(status.device)
        append(status.identity.inode)
        line.append(contentsOf: path)
        line.append(0)
        if !digest.isEmpty {
            let status = ContentStatus(status)
            append(status.mode)
            append(status.allocatedBytes)
            append(status.mtimeSeconds)
            append(status.mtimeNanoseconds)
            append(status.ctimeSeconds)
            append(status.ctimeNanoseconds)
            line.append(contentsOf: digest)
        }
        let size = status.size
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: keyBytes) { key in
            for index in 0..<keyBytes { key[index] = UInt8(size >> (7 * (keyBytes - 1 - index)) & 0x7F | 0x80) }
            line.withUnsafeBytes { arena.append(root: 0, path: UnsafeRawBufferPointer(key), line: $0) }
        }
    }

    private static let keyBytes = 10
}
