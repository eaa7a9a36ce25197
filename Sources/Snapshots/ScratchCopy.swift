import CLinux
import Entries
import ExternalSort
import Formats
import Glibc
import LinuxKernel

/// A copy of a file in an unnamed temporary file, and the SHA-256 of the copy.
final class ScratchCopy {
    /// Open as long as this object.
    let descriptor: Int32
    let digest: String
    private let file: RunFile

    /// - Parameters:
    ///   - descriptor: read from its current position.
    ///   - beginning: the bytes that were read from it before.
    init(of descriptor: Int32, behind beginning: [UInt8], _ path: [UInt8]) throws(SnapshotFailure) {
        do {
            let file = RunFile(directory: nil)
            let copy = try file.reserve(0).descriptor
            try beginning.withUnsafeBytes { try file.write($0, to: copy, at: 0) }
            let size = try Self.copy(descriptor, to: copy, of: file, at: Int64(beginning.count), path)
            digest = try FileDigest.sha256(size: size) { buffer, offset in
                var count = 0
                while count < buffer.count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
                    count += try file.read(at: offset + Int64(count), into: rest)
                }
            }
            self.file = file
            self.descriptor = copy
        } catch let error as SnapshotFailure {
            throw error
        } catch let error as TemporaryFileError {
            throw SnapshotFailure(error)
        } catch {
            throw SnapshotFailure(path: path, "\(error)")
        }
    }

    /// - Returns: the offset of the end.
    private static func copy(
        _ descriptor: Int32, to copy: Int32, of file: RunFile, at start: Int64, _ path: [UInt8]
    ) throws -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var offset = start
        while true {
            let count = clinux_read(descriptor, buffer.baseAddress!, UInt(buffer.count))
            if count == -Int(EINTR) { continue }
            if count < 0 { throw SnapshotFailure(path: path, Errno(Int32(-count)).message) }
            if count == 0 { return offset }
            if clinux_stop_signal() != 0 { throw SnapshotFailure(path: path, "stopped") }
            try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: copy, at: offset)
            offset += Int64(count)
        }
    }
}
