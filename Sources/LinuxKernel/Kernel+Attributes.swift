// Extended attributes, read through a descriptor, so that no name is looked up twice.

import CLinux

extension Errno {
    fileprivate static let noData = Errno(ENODATA)
    fileprivate static let tooSmall = Errno(ERANGE)
}

extension Kernel {
    /// Opens anything without reading it, following a symlink, or activating a device: to query its status.
    ///
    /// - Parameter isFollowed: follow a symlink nevertheless.
    ///
    /// The corresponding system call is `openat(2)` with `O_PATH`.
    package static func openPath(
        _ name: UnsafePointer<CChar>, in directory: Int32, isFollowed: Bool = false
    ) throws(Errno) -> FileDescriptor {
        let flags = CLINUX_O_PATH | O_CLOEXEC | (isFollowed ? 0 : O_NOFOLLOW)
        return FileDescriptor(owning: try check { clinux_openat(directory, name, flags) })
    }

    /// The names of the extended attributes visible to the caller, each once, in bytewise order. Empty if the file
    /// system has none.
    ///
    /// - Parameter isPathOnly: the descriptor comes from `openPath`; needs /proc.
    ///
    /// The corresponding system call is `listxattr(2)`.
    package static func attributeNames(of descriptor: Int32, isPathOnly: Bool) throws(Errno) -> [[UInt8]] {
        do throws(Errno) {
            let names = try growing(from: 1024) { (buffer) throws(Errno) in
                try check {
                    clinux_listxattr(descriptor, isPathOnly ? 1 : 0, buffer.baseAddress!, UInt(buffer.count))
                }
            }
            // A file system may list a name twice.
            return Set(names.split(separator: 0)).map { Array($0) }.sorted { $0.lexicographicallyPrecedes($1) }
        } catch {
            if error == .notSupported { return [] }
            throw error
        }
    }

    /// The value of one extended attribute; nil if it has been removed since it was listed, or if its name is invalid.
    ///
    /// The corresponding system call is `getxattr(2)`.
    package static func attribute(
        _ name: [UInt8], of descriptor: Int32, isPathOnly: Bool
    ) throws(Errno) -> [UInt8]? {
        let cString = name.map { CChar(bitPattern: $0) } + [0]
        do throws(Errno) {
            return try growing(from: 256) { (buffer) throws(Errno) in
                try check {
                    clinux_getxattr(descriptor, isPathOnly ? 1 : 0, cString, buffer.baseAddress!, UInt(buffer.count))
                }
            }
        } catch {
            if error == .noData || error == .notSupported { return nil }
            throw error
        }
    }

    /// Retries with larger buffers. Both lists and values have at most 64 KiB; a FUSE file system that asks for more
    /// and more gets an error.
    private static func growing(
        from capacity: Int, _ call: (UnsafeMutableRawBufferPointer) throws(Errno) -> Int
    ) throws(Errno) -> [UInt8] {
        var capacity = capacity
        while true {
            var bytes = [UInt8](repeating: 0, count: capacity)
            let result = bytes.withUnsafeMutableBytes { buffer in
                Result { () throws(Errno) in try call(buffer) }
            }
            switch result {
            case .success(let length):
                bytes.removeLast(capacity - length)
                return bytes
            case .failure(let error):
                guard error == .tooSmall, capacity < 1 << 20 else { throw error }
                capacity = capacity < 1 << 16 ? 1 << 16 : 1 << 20
            }
        }
    }
}
