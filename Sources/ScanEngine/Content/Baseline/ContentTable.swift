import CLinux
package import Entries
package import ExternalSort
import LinuxKernel

/// Packed records of a saved scan, found by device and inode.
///
/// ```
///  index     0 17 0 0 3 4 0 …       a power of two of places, at least half of them free (0): in each 32 bits of the
///  hash,
///                                   and the number of a record, plus 1
///  records   | 0 | 1 | 2 | …        as they were saved, without repeats, with the digests that are wanted
/// ```
///
/// Linear probing. Files of one directory often have neighbouring inodes, and are looked up one after the other: eight
/// neighbours share a cache line of the index, and records are in the order of the scan that found them. (With
/// scattered places, on a busy machine, building the index took 125 ns per record and a look-up 270.)
///
/// The index is built when the records are loaded, not saved, so a damaged or forged file cannot misdirect a look-up:
/// at worst it contains records that match no file.
///
/// The memory is anonymous up to 64 MiB, which is 600,000 files with SHA-256; more goes to an unnamed mapped file,
/// which the kernel can write out.
package struct ContentTable: ~Copyable {
    private let memory: ScratchMemory
    /// Length of a saved record, in bytes.
    private let savedStride: Int
    /// Length of a record here, in bytes.
    private let stride: Int
    /// The positions of the requested digests in a saved record, in their order.
    private let columns: [Range<Int>]
    /// Places of the index, minus 1.
    private let mask: UInt64
    private let capacity: Int
    package private(set) var count = 0
    private var types: [String] = []
    private var typeNumbers: [String: UInt32] = [:]

    /// Steps after which a look-up gives up, and a record is omitted: a file that is not found is read.
    private static let probeLimit = 256
    /// Far beyond any tree, and far from overflow.
    private static let recordLimit = 1 << 30

    /// - Parameters:
    ///   - saved: the algorithms of the saved scan.
    ///   - wanted: the algorithms to take over. If not all of them were saved, the table stays empty.
    ///   - recordBytes: length of all saved records, in bytes; further ones are omitted.
    ///   - temporaryDirectory: nil: `$TMPDIR`, or `/tmp`.
    package init(
        saved: DigestSet, wanted: DigestSet, recordBytes: Int, temporaryDirectory: [UInt8]? = nil
    ) throws(TemporaryFileError) {
        let columns = Self.columns(of: wanted, in: saved)
        self.columns = columns ?? []
        savedStride = PackedRecord.byteCount(saved)
        stride = PackedRecord.byteCount(wanted)
        capacity = columns == nil ? 0 : min(max(recordBytes, 0) / savedStride, Self.recordLimit)
        var places = 16
        while places < 2 * capacity { places *= 2 }
        mask = UInt64(places - 1)
        memory = try ScratchMemory(byteCount: 8 * places + capacity * stride, temporaryDirectory: temporaryDirectory)
    }

    /// Adds records; a partial one at the end is omitted.
    package mutating func add(_ records: UnsafeRawBufferPointer, types names: [String]) {
        let numbers = names.map { numberOfType($0) }
        var rest = records
        while rest.count >= savedStride, count < capacity {
            let record = record(count)
            copy(rest, to: record)
            rest = UnsafeRawBufferPointer(rebasing: rest[savedStride...])
            let type = Int(
                UInt32(littleEndian: record.loadUnaligned(fromByteOffset: PackedRecord.type, as: UInt32.self)))
            let number = type > 0 && type <= numbers.count ? numbers[type - 1] : 0
            record.storeBytes(of: number.littleEndian, toByteOffset: PackedRecord.type, as: UInt32.self)
            if insert() { count += 1 }
        }
    }

    /// - Precondition: `saved` begins with a whole record.
    private func copy(_ saved: UnsafeRawBufferPointer, to record: UnsafeMutableRawBufferPointer) {
        record.copyMemory(from: UnsafeRawBufferPointer(rebasing: saved[..<PackedRecord.row]))
        var end = PackedRecord.row
        for column in columns {
            UnsafeMutableRawBufferPointer(rebasing: record[end...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: saved[column]))
            end += column.count
        }
    }

    /// Nil if not all were saved.
    private static func columns(of wanted: DigestSet, in saved: DigestSet) -> [Range<Int>]? {
        var columns: [Range<Int>] = []
        for algorithm in wanted.algorithms {
            guard let index = saved.algorithms.firstIndex(of: algorithm) else { return nil }
            let start = PackedRecord.row + DigestSet(saved.algorithms[..<index]).rowBytes
            columns.append(start..<start + algorithm.byteCount)
        }
        // Adjacent digests are copied together.
        if wanted == saved, !columns.isEmpty { columns = [PackedRecord.row..<PackedRecord.byteCount(saved)] }
        return columns
    }

    private mutating func numberOfType(_ type: String) -> UInt32 {
        if let number = typeNumbers[type] { return number }
        types.append(type)
        typeNumbers[type] = UInt32(types.count)
        return UInt32(types.count)
    }

    /// The record of a file that looks exactly like this one: device, inode, size, mtime and ctime.
    ///
    /// - Parameter cursor: the last record found, one for each user. The next record is tried first, because an
    ///   unchanged directory is listed in the order in which it was saved. That avoids most look-ups in the index.
    /// - Returns: valid as long as the table.
    func find(_ status: borrowing FileStatus, _ cursor: inout Int) -> UnsafeRawBufferPointer? {
        let next = cursor + 1
        if next < count {
            let guess = UnsafeRawBufferPointer(record(next))
            if Self.describes(guess, status) {
                cursor = next
                return guess
            }
        }
        let inode = status.inode
        let hash = Self.hash(status.device, inode)
        var place = Self.place(hash, inode) & mask
        for _ in 0..<Self.probeLimit {
            let slot = slot(at: place)
            if slot == 0 { return nil }
            if (slot ^ hash) & ~Self.numberMask == 0 {
                let number = Int(slot & Self.numberMask) - 1
                let record = UnsafeRawBufferPointer(record(number))
                if Self.describes(record, status) {
                    cursor = number
                    return record
                }
            }
            place = (place &+ 1) & mask
        }
        return nil
    }

    private static func describes(_ record: UnsafeRawBufferPointer, _ status: borrowing FileStatus) -> Bool {
        let (device, inode, size) = (status.device, status.inode, UInt64(bitPattern: status.size))
        let (mtime, ctime) = (status.mtime, status.ctime)
        let nanoseconds = UInt64(mtime.nanoseconds) | UInt64(ctime.nanoseconds) << 32
        return field(record, PackedRecord.inode) == inode && field(record, PackedRecord.device) == device
            && field(record, PackedRecord.size) == size
            && field(record, PackedRecord.mtimeSeconds) == UInt64(bitPattern: mtime.seconds)
            && field(record, PackedRecord.ctimeSeconds) == UInt64(bitPattern: ctime.seconds)
            && field(record, PackedRecord.mtimeNanoseconds) == nanoseconds
    }

    func row(of record: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: record[PackedRecord.row...])
    }

    /// The MIME type that a record refers to.
    func type(of record: UnsafeRawBufferPointer) -> String? {
        let number = UInt32(littleEndian: record.loadUnaligned(fromByteOffset: PackedRecord.type, as: UInt32.self))
        // The numbers of added records are all in `types`.
        return number == 0 ? nil : types[Int(number) - 1]
    }

    // MARK: The index

    /// Puts record number `count` into the index.
    ///
    /// - Returns: false if it is a duplicate (another name of an inode with several links), or its places are taken.
    private func insert() -> Bool {
        let new = UnsafeRawBufferPointer(record(count))
        let inode = Self.field(new, PackedRecord.inode)
        let hash = Self.hash(Self.field(new, PackedRecord.device), inode)
        var place = Self.place(hash, inode) & mask
        for _ in 0..<Self.probeLimit {
            let slot = slot(at: place)
            if slot == 0 {
                let new = hash & ~Self.numberMask | UInt64(count + 1)
                memory.bytes.storeBytes(of: new, toByteOffset: 8 * Int(place), as: UInt64.self)
                return true
            }
            if (slot ^ hash) & ~Self.numberMask == 0 {
                let old = UnsafeRawBufferPointer(record(Int(slot & Self.numberMask) - 1))
                if memcmp(old.baseAddress!, new.baseAddress!, PackedRecord.type) == 0 { return false }
            }
            place = (place &+ 1) & mask
        }
        return false
    }

    private func slot(at place: UInt64) -> UInt64 {
        memory.bytes.load(fromByteOffset: 8 * Int(place), as: UInt64.self)
    }

    /// The bits of a slot that are the number of a record, plus 1.
    private static let numberMask: UInt64 = 0xffff_ffff

    /// - Precondition: `number` is less than `capacity`.
    private func record(_ number: Int) -> UnsafeMutableRawBufferPointer {
        let start = 8 * Int(mask + 1) + number * stride
        return UnsafeMutableRawBufferPointer(rebasing: memory.bytes[start..<start + stride])
    }

    /// Eight bytes of a record; two fields of four bytes are read together.
    private static func field(_ record: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: record.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Fibonacci hashing of the inode without its last three bits, which are used in `place`.
    private static func hash(_ device: UInt64, _ inode: UInt64) -> UInt64 {
        let product = (inode >> 3 ^ device &* 0xff51_afd7_ed55_8ccd) &* 0x9e37_79b9_7f4a_7c15
        return product >> 32 ^ product
    }

    private static func place(_ hash: UInt64, _ inode: UInt64) -> UInt64 { hash << 3 | inode & 7 }
}
