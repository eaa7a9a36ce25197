import CLinux
import Entries
import Formats
import ScanEngine

/// The SHA-256 of a file, in hex.
enum FileDigest {
    /// - Parameter read: fills the buffer from an offset.
    static func sha256(
        size: Int64, read: (UnsafeMutableRawBufferPointer, Int64) throws -> Void
    ) throws -> String {
        let set = DigestSet([.sha256])
        var digest = MultiDigest(try DigestMethods(set))
        digest.begin(length: size)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while offset < size {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<Int(min(Int64(buffer.count), size - offset))])
            try read(piece, offset)
            // A file of holes may be as long as the file system allows.
            if clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
            digest.update(UnsafeRawBufferPointer(piece))
            offset += Int64(piece.count)
        }
        var row: [UInt8] = []
        digest.finish(appendingTo: &row)
        return set.named(row)[0].hex
    }
}
