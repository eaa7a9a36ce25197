// Unnamed files, which need no clean-up: creating one, writing to it, returning its space.

import CLinux
import Glibc

extension Kernel {
    /// `O_TMPFILE` if the file system supports it, else a name that is removed at once.
    package static func makeTemporaryFile(in directory: [UInt8]) throws(Errno) -> FileDescriptor {
        do throws(Errno) {
            let path = directory.map { CChar(bitPattern: $0) } + [0]
            return FileDescriptor(owning: try check { clinux_open_temporary(path) })
        } catch {
            if error == .tooManyOpenFiles || error == .tooManyOpenFilesInSystem { throw error }
        }
        var name = (directory + Array("/fsscan-XXXXXX".utf8)).map { CChar(bitPattern: $0) } + [0]
        let file = FileDescriptor(owning: try check { clinux_make_temporary(&name) })
        unlink(name)
        return file
    }

    /// Writes at `offset`, leaving the descriptor's position alone, and returns the number of bytes written.
    ///
    /// The corresponding system call is `pwrite(2)`.
    package static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int64
    ) throws(Errno) -> Int {
        Int(try check { clinux_pwrite(descriptor, bytes.baseAddress!, UInt(bytes.count), offset) })
    }

    /// Returns space to the file system, if it supports that. The bytes then read as zeros.
    ///
    /// The corresponding system call is `fallocate(2)` with `FALLOC_FL_PUNCH_HOLE`.
    package static func punchHole(_ descriptor: Int32, _ offset: Int64, _ length: Int64) {
        _ = clinux_punch_hole(descriptor, offset, length)
    }
}
