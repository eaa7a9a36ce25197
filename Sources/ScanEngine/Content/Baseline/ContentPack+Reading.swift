package import Entries
import LinuxKernel

extension ContentPack {
    /// Reads packed records.
    ///
    /// - Parameters:
    ///   - records, types: as in a pack.
    ///   - set: the algorithms of their scan.
    ///   - body: gets the row of digests in place, within the record.
    /// - Returns: false for invalid data: a partial record, a missing type. `body` was not called for the rest then.
    package static func forEachRecord<Failure: Error>(
        _ records: UnsafeRawBufferPointer, types: [String], _ set: DigestSet,
        _ body: (PackedFile, _ row: UnsafeRawBufferPointer, _ type: String?) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        let stride = PackedRecord.byteCount(set)
        var rest = records
        while rest.count >= stride {
            let record = UnsafeRawBufferPointer(rebasing: rest[..<stride])
            let type = Int(word(record, PackedRecord.type))
            guard type <= types.count else { return false }
            try body(
                file(record), UnsafeRawBufferPointer(rebasing: record[PackedRecord.row...]),
                type == 0 ? nil : types[type - 1])
            rest = UnsafeRawBufferPointer(rebasing: rest[stride...])
        }
        return rest.isEmpty
    }

    private static func file(_ record: UnsafeRawBufferPointer) -> PackedFile {
        PackedFile(
            device: long(record, PackedRecord.device), inode: long(record, PackedRecord.inode),
            size: Int64(bitPattern: long(record, PackedRecord.size)),
            mtime: FileTime(
                seconds: Int64(bitPattern: long(record, PackedRecord.mtimeSeconds)),
                nanoseconds: Int64(word(record, PackedRecord.mtimeNanoseconds))),
            ctime: FileTime(
                seconds: Int64(bitPattern: long(record, PackedRecord.ctimeSeconds)),
                nanoseconds: Int64(word(record, PackedRecord.ctimeNanoseconds))))
    }

    private static func long(_ record: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: record.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private static func word(_ record: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        UInt32(littleEndian: record.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
