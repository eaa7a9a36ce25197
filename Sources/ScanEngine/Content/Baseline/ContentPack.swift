// Packs what a saved scan knows about the content of files, so that a later scan can take it over without reading the
// files.
//
//   rows of the saved scan ──▶ ContentPacker ──▶ ContentPack, about 1 MiB each ──▶ ContentTable: all records, and an
//                                                                                  index by inode ──▶ ContentBaseline
//
// Packs are made from the rows and kept nowhere: an attacker with write access to the file of saved scans could change
// only the packs, and the rows, which people check and whose digests they keep, would be unchanged.

import CLinux
package import Entries
package import LinuxKernel

/// The offsets of the fields in a packed record: little-endian, without padding, the row of digests last.
enum PackedRecord {
    static let device = 0
    static let inode = 8
    static let size = 16
    static let mtimeSeconds = 24
    static let ctimeSeconds = 32
    static let mtimeNanoseconds = 40
    static let ctimeNanoseconds = 44
    /// 0: none; else an index into the types, plus 1.
    static let type = 48
    static let row = 52

    /// Length of a record, in bytes.
    static func byteCount(_ set: DigestSet) -> Int { row + set.rowBytes }
}

/// The attributes of a file, as far as they are packed.
package struct PackedFile {
    package var device: UInt64
    package var inode: UInt64
    package var size: Int64
    package var mtime: FileTime
    package var ctime: FileTime

    package init(
        device: UInt64, inode: UInt64, size: Int64, mtime: FileTime, ctime: FileTime
    ) {
        (self.device, self.inode, self.size, self.mtime, self.ctime) = (device, inode, size, mtime, ctime)
    }
}

/// Some packed records.
package struct ContentPack: Sendable {
    /// Without padding, one after the other; the length of each follows from the algorithms of the scan.
    package var records: [UInt8]
    /// The MIME types that the records refer to; none contains a newline.
    package var types: [String]
}

/// Packs the results of one worker.
package struct ContentPacker {
    private let set: DigestSet
    private let latest: FileTime
    private var records: [UInt8] = []
    private var types: [String] = []
    private var typeNumbers: [String: UInt32] = [:]

    /// A file that changed less than this many seconds before the start of a scan, or later, counts as just changed.
    ///
    /// git calls such a file *racy*: one that is written twice within the granularity of its time stamps has the same
    /// times before and after. If the scan read it in between, its digest is wrong, and nothing shows it. The kernel
    /// takes times from a clock that ticks every 1 to 10 ms; ext4 with small inodes stores whole seconds, FAT even
    /// ones. So 2 s are safe everywhere, and reading the recently changed files again costs little. (Not detected: a
    /// server whose clock is behind, a clock that was set back, and writes through a mapping after the one whose time
    /// the kernel recorded.)
    ///
    /// Source: git's Documentation/technical/racy-git.txt.
    static let granularity: Int64 = 2

    /// - Parameters:
    ///   - set: the algorithms of the scan.
    ///   - start: when it started.
    package init(_ set: DigestSet, start: Timing) {
        self.init(set, start: FileTime(seconds: start.startedSeconds, nanoseconds: start.startedNanoseconds))
    }

    package init(_ set: DigestSet, start: FileTime) {
        self.set = set
        latest = FileTime(seconds: start.seconds &- Self.granularity, nanoseconds: start.nanoseconds)
    }

    /// Packs a regular file or a symlink, if its content is known and may be taken over.
    ///
    /// - Parameters:
    ///   - row: its digests; nil if they are not known.
    ///   - type: its MIME type; nil if it is not known.
    package mutating func add(_ status: borrowing FileStatus, row: [UInt8]?, type: String?) {
        guard let row else { return }
        let file = PackedFile(
            device: status.device, inode: status.inode, size: status.size, mtime: status.mtime, ctime: status.ctime)
        row.withUnsafeBytes { add(file, row: $0, type: type) }
    }

    package mutating func add(_ file: PackedFile, row: UnsafeRawBufferPointer, type: String?) {
        precondition(row.count == set.rowBytes, "a digest row has the length that its set prescribes")
        let (mtime, ctime) = (file.mtime, file.ctime)
        guard mtime < latest, ctime < latest else { return }
        // Types are saved one per line.
        let number = type.map { $0.utf8.contains(UInt8(ascii: "\n")) ? 0 : numberOfType($0) } ?? 0
        withUnsafeTemporaryAllocation(byteCount: PackedRecord.row, alignment: 8) { record in
            func put(_ field: UInt64, _ offset: Int) {
                record.storeBytes(of: field.littleEndian, toByteOffset: offset, as: UInt64.self)
            }
            put(file.device, PackedRecord.device)
            put(file.inode, PackedRecord.inode)
            put(UInt64(bitPattern: file.size), PackedRecord.size)
            put(UInt64(bitPattern: mtime.seconds), PackedRecord.mtimeSeconds)
            put(UInt64(bitPattern: ctime.seconds), PackedRecord.ctimeSeconds)
            let nanoseconds = UInt32(truncatingIfNeeded: mtime.nanoseconds)
            put(UInt64(nanoseconds) | UInt64(bitPattern: ctime.nanoseconds) << 32, PackedRecord.mtimeNanoseconds)
            record.storeBytes(of: number.littleEndian, toByteOffset: PackedRecord.type, as: UInt32.self)
            records.append(contentsOf: record)
        }
        records.append(contentsOf: row)
    }

    /// Length of a record, in bytes.
    package static func recordBytes(_ set: DigestSet) -> Int { PackedRecord.byteCount(set) }

    /// Whether there is enough to hand over.
    package var isFull: Bool { records.count >= Self.packSize }

    /// Everything packed since the last call; nil if there is nothing.
    package mutating func take() -> ContentPack? {
        if records.isEmpty { return nil }
        defer {
            records = []
            types = []
            typeNumbers = [:]
        }
        return ContentPack(records: records, types: types)
    }

    private mutating func numberOfType(_ type: String) -> UInt32 {
        if let number = typeNumbers[type] { return number }
        types.append(type)
        let number = UInt32(types.count)
        typeNumbers[type] = number
        return number
    }

    private static let packSize = 1 << 20
}
