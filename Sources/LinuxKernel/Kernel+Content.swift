// The system calls of the content stage: opening a file, reading it, finding its holes, reading a symlink.

import CLinux

/// The status of an open file, as far as it matters for reading it.
package struct ContentStatus: Equatable, Sendable {
    package var identity: DeviceInode
    /// `st_mode`.
    package var mode: UInt32
    /// `st_size`, in bytes.
    package var size: Int64
    /// 512 × `st_blocks`, saturating: less than the size if the file has holes.
    package var allocatedBytes: Int64
    package var mtimeSeconds: Int64
    package var mtimeNanoseconds: UInt32
    package var ctimeSeconds: Int64
    package var ctimeNanoseconds: UInt32

    package init(_ status: borrowing FileStatus) {
        identity = status.identity
        mode = status.mode
        size = status.size
        allocatedBytes = status.diskBytes
        mtimeSeconds = status.raw.stx_mtime.tv_sec
        mtimeNanoseconds = status.raw.stx_mtime.tv_nsec
        ctimeSeconds = status.raw.stx_ctime.tv_sec
        ctimeNanoseconds = status.raw.stx_ctime.tv_nsec
    }

    /// From recorded values.
    package init(
        identity: DeviceInode, mode: UInt32, size: Int64, allocatedBytes: Int64,
        mtime: (seconds: Int64, nanoseconds: UInt32), ctime: (seconds: Int64, nanoseconds: UInt32)
    ) {
        (self.identity, self.mode, self.size, self.allocatedBytes) = (identity, mode, size, allocatedBytes)
        (mtimeSeconds, mtimeNanoseconds) = mtime
        (ctimeSeconds, ctimeNanoseconds) = ctime
    }

    package var isRegular: Bool { EntryKind(mode: mode) == .file }
    /// Any user may execute it.
    package var isExecutable: Bool { mode & 0o111 != 0 }

    /// Whether the content is unchanged, as far as the kernel can tell: same inode, size, mtime and ctime. Blocks may
    /// be allocated late without a change of the bytes, so they are not compared.
    package func describesSameContent(as other: ContentStatus) -> Bool {
        var other = other
        other.allocatedBytes = allocatedBytes
        return self == other
    }
}

extension Errno {
    package static let noSuchDeviceOrAddress = Errno(ENXIO)
    package static let notSupported = Errno(EOPNOTSUPP)
    package static let fileTooLarge = Errno(EFBIG)
}

extension Kernel {
    /// Opens a file to read it, without following a symlink or waiting for a FIFO's writer.
    ///
    /// - Parameter keepAccessTime: ask the kernel to preserve the access time, which it permits for the file's owner
    ///   and root. Otherwise the file is opened without this.
    ///
    /// The corresponding system call is `openat(2)`.
    package static func openFile(
        _ name: UnsafePointer<CChar>, in directory: Int32, keepAccessTime: Bool
    ) throws(Errno) -> FileDescriptor {
        try open(name, in: directory, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, keepAccessTime: keepAccessTime)
    }

    /// Opens a regular file, and never anything else: opening a device may rewind a tape or arm a watchdog, and opening
    /// a FIFO releases a writer that waits for a reader.
    ///
    /// The file is pinned with `O_PATH`, which does not open it, then checked, then opened through that descriptor.
    /// Takes two calls and 2.3 µs more than `openFile`, a fifth of the total for a small file: use it for names that
    /// were not checked just before.
    ///
    /// - Parameter expected: what it must be, if that is known.
    /// - Throws: `ESTALE` if it is something else.
    ///
    /// The corresponding system calls are `openat(2)` and `fstat(2)`.
    package static func openRegularFile(
        _ name: UnsafePointer<CChar>, in directory: Int32, expecting expected: DeviceInode? = nil, keepAccessTime: Bool
    ) throws(Errno) -> FileDescriptor {
        let flags = CLINUX_O_PATH | O_NOFOLLOW | O_CLOEXEC
        let hold = FileDescriptor(owning: try check { clinux_openat(directory, name, flags) })
        var status = FileStatus()
        try self.status(of: hold.number, .basic, into: &status)
        guard status.kind == .file, expected == nil || expected == status.identity else { throw .stale }
        do throws(Errno) {
            return try open(held: hold.number, keepAccessTime: keepAccessTime)
        } catch {
            // Without /proc the only way from the `O_PATH` descriptor to the file is its name.
            guard error == .noSuchEntry else { throw error }
            return try openFile(name, in: directory, keepAccessTime: keepAccessTime)
        }
    }

    /// Opens a regular file through its `O_PATH` descriptor. Needs /proc.
    ///
    /// - Parameter forWriting: for reading and writing.
    package static func open(
        held hold: Int32, forWriting: Bool = false, keepAccessTime: Bool = true
    ) throws(Errno) -> FileDescriptor {
        let access = forWriting ? O_RDWR : O_RDONLY
        return try open(
            "/proc/self/fd/\(hold)", in: workingDirectory, access | O_NONBLOCK | O_CLOEXEC,
            keepAccessTime: keepAccessTime)
    }

    /// Reads from `offset`, leaving the descriptor's position alone. 0 is the end of the file.
    ///
    /// The corresponding system call is `pread(2)`.
    package static func read(
        _ descriptor: Int32, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        Int(try check { clinux_pread(descriptor, buffer.baseAddress!, UInt(buffer.count), offset) })
    }

    /// How `read(_:at:into:_:)` uses the page cache.
    package enum CacheUse: Sendable {
        /// Drops the pages that the call brings into the cache; pages that were cached stay.
        case dropsNewPages
        /// Reads only cached pages; `EAGAIN` if the first byte is not cached. The kernel then begins to read it.
        case cachedOnly
    }

    /// `read(_:at:into:)`, with a given use of the page cache.
    ///
    /// - Throws: `EOPNOTSUPP` if the kernel or the file system does not support it.
    ///
    /// The corresponding system call is `preadv2(2)` with `RWF_DONTCACHE` (Linux 6.14) or `RWF_NOWAIT` (4.14).
    package static func read(
        _ descriptor: Int32, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer, _ use: CacheUse
    ) throws(Errno) -> Int {
        let flag = use == .dropsNewPages ? CLINUX_RWF_DONTCACHE : CLINUX_RWF_NOWAIT
        return Int(
            try check { clinux_preadv2(descriptor, buffer.baseAddress!, UInt(buffer.count), offset, flag) })
    }

    /// Drops a part of a file from the page cache, except for dirty and mapped pages. A page that is only partly in
    /// `range` stays, unless the file ends there.
    ///
    /// The corresponding system call is `posix_fadvise(2)` with `POSIX_FADV_DONTNEED`.
    package static func dropCached(_ range: Range<Int64>, of descriptor: Int32) throws(Errno) {
        _ = try check {
            Int(clinux_fadvise(descriptor, range.lowerBound, Int64(range.count), POSIX_FADV_DONTNEED))
        }
    }

    /// Keeps the kernel from reading ahead in this open file.
    ///
    /// The corresponding system call is `posix_fadvise(2)` with `POSIX_FADV_RANDOM`.
    package static func readNothingAhead(_ descriptor: Int32) throws(Errno) {
        _ = try check { Int(clinux_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM)) }
    }

    /// Begins to read a part of a file, so that a later read need not wait.
    ///
    /// The corresponding system call is `posix_fadvise(2)` with `POSIX_FADV_WILLNEED`.
    package static func beginReading(_ range: Range<Int64>, of descriptor: Int32) throws(Errno) {
        _ = try check {
            Int(clinux_fadvise(descriptor, range.lowerBound, Int64(range.count), POSIX_FADV_WILLNEED))
        }
    }

    /// The first offset at or after `offset` that holds data; nil if only a hole follows.
    ///
    /// The corresponding system call is `lseek(2)` with `SEEK_DATA`. It moves the descriptor's position.
    package static func nextData(_ descriptor: Int32, from offset: Int64) throws(Errno) -> Int64? {
        do throws(Errno) {
            return try check { clinux_lseek(descriptor, offset, CLINUX_SEEK_DATA) }
        } catch {
            guard error == .noSuchDeviceOrAddress else { throw error }
            return nil
        }
    }

    /// The first offset at or after `offset` that is in a hole; the end of the file counts as one.
    ///
    /// The corresponding system call is `lseek(2)` with `SEEK_HOLE`. It moves the descriptor's position.
    package static func nextHole(_ descriptor: Int32, from offset: Int64) throws(Errno) -> Int64 {
        try check { clinux_lseek(descriptor, offset, CLINUX_SEEK_HOLE) }
    }

    /// Sets the descriptor's position to the start of the file.
    ///
    /// The corresponding system call is `lseek(2)`.
    package static func rewind(_ descriptor: Int32) throws(Errno) {
        _ = try check { clinux_lseek(descriptor, 0, SEEK_SET) }
    }

    /// The target of a symlink, of any length.
    ///
    /// - Throws: `ESTALE` if the name is not a symlink (any more).
    ///
    /// The corresponding system call is `readlinkat(2)`.
    package static func symlinkTarget(_ name: UnsafePointer<CChar>, in directory: Int32) throws(Errno) -> [UInt8] {
        var capacity = 256
        while true {
            var target = [UInt8](repeating: 0, count: capacity)
            let length: Int
            do throws(Errno) {
                // At most `$0.count` bytes are written to the array's own memory.
                length = try check {
                    target.withUnsafeMutableBytes {
                        clinux_readlinkat(directory, name, $0.baseAddress!, UInt($0.count))
                    }
                }
            } catch {
                // The kernel's answer for anything but a symlink.
                throw error == .invalid ? .stale : error
            }
            // If the buffer is full, the target may have been cut.
            if length < capacity {
                target.removeLast(capacity - length)
                return target
            }
            capacity *= 4
        }
    }

    /// The pseudo file system of an open file (or directory); nil if it is on another file system.
    ///
    /// The corresponding system call is `fstatfs(2)`.
    package static func pseudoFileSystem(of descriptor: Int32) throws(Errno) -> PseudoFileSystem? {
        PseudoFileSystem(magicNumber: try fileSystemType(of: descriptor))
    }
}
