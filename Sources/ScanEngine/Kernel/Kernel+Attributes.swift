// Extended attributes: of what a descriptor stands for, so that no name is looked up twice.

import CLinux

extension Errno {
    fileprivate static let noData = Errno(ENODATA)
    fileprivate static let tooSmall = Errno(ERANGE)
}

extension Kernel {
    /// Opens anything without reading it, following a symlink, or waking a device: to ask what it is.
    ///
    /// The corresponding system call is `openat(2)` with `O_PATH`.
    package static func openPath(
        _ name: UnsafePointer<CChar>, in directory: Int32
    ) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try check { clinux_openat(directory, name, CLINUX_O_PATH | O_NOFOLLOW | O_CLOEXEC) })
    }

    /// All extended attributes that the caller may see, by name. None where the file system knows none.
    ///
    /// - Parameter isPathOnly: the descriptor is one of `openPath`; needs /proc.
    ///
    /// The corresponding system calls are `listxattr(2)` and `getxattr(2)`.
    package static func extendedAttributes(
        of descriptor: Int32, isPathOnly: Bool
    ) throws(ContentFailure) -> [ExtendedAttribute] {
        let names: [UInt8]
        do throws(Errno) {
            names = try growing(from: 1024) { (buffer) throws(Errno) in
                try check {
                    clinux_listxattr(descriptor, isPathOnly ? 1 : 0, buffer.baseAddress!, UInt(buffer.count))
                }
            }
        } catch {
            if error == .notSupported { return [] }
            throw .call("listxattr", error)
        }
        var attributes: [ExtendedAttribute] = []
        // A file system may list a name twice.
        for name in Set(names.split(separator: 0)) {
            do throws(Errno) {
                let cString = name.map { CChar(bitPattern: $0) } + [0]
                let value = try growing(from: 256) { (buffer) throws(Errno) in
                    try check {
                        clinux_getxattr(
                            descriptor, isPathOnly ? 1 : 0, cString, buffer.baseAddress!, UInt(buffer.count))
                    }
                }
                attributes.append(ExtendedAttribute(name: Array(name), value: value))
            } catch {
                // Gone since it was listed; or a name that stands for nothing.
                if error == .noData || error == .notSupported { continue }
                throw .call("getxattr", error)
            }
        }
        return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// Calls with more room until it is enough. Both lists and values have 64 KiB at most; a file system in user space
    /// that asks for more and more gets an error.
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
