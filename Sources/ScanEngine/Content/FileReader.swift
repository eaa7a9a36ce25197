package import LinuxKernel

/// An open file that is read once, from its start to its end, in pieces.
///
/// ```
///   open ──▶ read(into:) ──▶ .bytes(n)  n bytes are in the buffer           ┐
///                       ──▶ .hole(n)   n zero bytes, not read from the disk ├─ again
///                       ──▶ .end       all of it came, and nothing changed  ┘
///                        throws         .changed, or a system call that failed
/// ```
///
/// The reader keeps only the descriptor and offsets, so a very large file can be read in several messages and by
/// several workers in turn.
///
/// The hard part is a file that changes meanwhile. Exactly `st_size` bytes are accepted: with more, the file is growing
/// (a log, an endless one); with fewer, it was truncated. Its status after reading must equal the status before. A
/// write through a mapping whose mtime the kernel has not recorded yet cannot be detected.
package struct FileReader: ~Copyable, Sendable {
    package let file: FileDescriptor
    /// The status before anything was read.
    package let status: ContentStatus
    /// Bytes returned so far.
    package private(set) var offset: Int64 = 0
    /// Bytes that came from the file: `offset` without the holes.
    private(set) var bytesRead: Int64 = 0
    /// Data extends to here; a hole may follow. `.max` if holes are not looked for.
    private var dataEnd: Int64
    /// Zeros extend to here.
    private var holeEnd: Int64 = 0
    /// The last read ended at the expected end of the file, although more was requested.
    private var sawEnd = false
    /// Bytes of holes that may still come; more is `EFBIG`. Zeros occupy no disk, but take time: a digest of 1 TiB of
    /// them takes minutes.
    package var holesLeft = Int64.max

    /// The result of one call of `read(into:)`.
    package enum Piece: Equatable, Sendable {
        case bytes(Int)
        case hole(Int64)
        case end
    }

    /// Keeps the page cache as it was.
    var cached: CachedReading

    /// Opens the regular file `name` in `directory`.
    ///
    /// - Parameter expected: the inode listed under this name. Another one is `ESTALE`, and so is anything but a
    ///   regular file: with O_NONBLOCK even a FIFO put in the file's place is opened without waiting.
    /// - Parameter wasJustListed: false if something else may have taken the name since: it is checked again before it
    ///   is opened.
    /// - Parameter ways: the worker's experience with file systems.
    package init(
        _ name: UnsafePointer<CChar>, in directory: Int32, expecting expected: DeviceInode?,
        wasJustListed: Bool = true, keepAccessTime: Bool = true, ways: CachedReadingWays = CachedReadingWays()
    ) throws(ContentFailure) {
        let file: FileDescriptor
        do {
            file =
                wasJustListed
                ? try Kernel.openFile(name, in: directory, keepAccessTime: keepAccessTime)
                : try Kernel.openRegularFile(name, in: directory, expecting: expected, keepAccessTime: keepAccessTime)
        } catch {
            throw .call("openat", error)
        }
        try self.init(file, expecting: expected, ways: ways)
    }

    /// Takes over an open file.
    package init(
        _ file: consuming FileDescriptor, expecting expected: DeviceInode?,
        ways: CachedReadingWays = CachedReadingWays()
    ) throws(ContentFailure) {
        let status = try Self.status(of: file.number)
        if !status.isRegular || (expected != nil && expected != status.identity) { throw .call("openat", .stale) }
        self.file = file
        self.status = status
        dataEnd = status.allocatedBytes < status.size ? 0 : .max
        cached = ways.reading(on: status.identity.device)
    }

    deinit { cached.dropRest(file.number) }

    private static func status(of descriptor: Int32) throws(ContentFailure) -> ContentStatus {
        var status = FileStatus()
        do {
            try Kernel.status(of: descriptor, .basic, into: &status)
        } catch {
            throw .call("statx", error)
        }
        return ContentStatus(status)
    }

    /// Reads the next piece: as many bytes as the buffer holds, or a part of a hole.
    ///
    /// The first piece is never a hole: its zeros are in the buffer, where type detection looks.
    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(ContentFailure) -> Piece {
        precondition(!buffer.isEmpty, "a file is read into a buffer")
        if sawEnd {
            try confirmUnchanged()
            return .end
        }
        if offset >= dataEnd, offset > 0, offset < status.size { try findHole() }
        if offset < holeEnd {
            let length = min(holeEnd - offset, Self.holeSlice)
            offset += length
            return .hole(length)
        }
        // One byte more than expected is requested: a read that stops before it has detected the end, and saves a call.
        let remaining = status.size - offset
        var wanted = remaining < buffer.count ? remaining + 1 : Int64(buffer.count)
        if offset > 0, dataEnd > offset { wanted = min(wanted, dataEnd - offset) }
        let count = try read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)]))
        offset += Int64(count)
        bytesRead += Int64(count)
        if offset > status.size { throw .changed }
        sawEnd = offset == status.size && count < wanted
        if count > 0 { return .bytes(count) }
        if offset < status.size { throw .changed }
        try confirmUnchanged()
        return .end
    }

    /// The part of a buffer to read into at once. A digest finds its bytes in the second-level cache, where the copy
    /// from the page cache has put them. But where the kernel is kept from reading ahead, it is to read more at a time.
    func piece(of buffer: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        guard cached.way != .noticing, buffer.count > Self.pieceBytes else { return buffer }
        return UnsafeMutableRawBufferPointer(rebasing: buffer[..<Self.pieceBytes])
    }

    private static let pieceBytes = 256 << 10

    /// Reads from any place, as many bytes as come at once. 0 is the end of the file.
    mutating func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(ContentFailure) -> Int {
        do {
            return try cached.read(file.number, at: offset, into: buffer, size: status.size)
        } catch {
            throw .call("read", error)
        }
    }

    /// Call it before libmagic reads the file. libmagic begins at the start, and may read the end.
    ///
    /// - Parameter buffer: scratch memory.
    mutating func prepareForType(_ buffer: UnsafeMutableRawBufferPointer) {
        if status.size > buffer.count {
            cached.lend(file.number, Self.typeBytes, size: status.size, through: buffer)
        } else {
            cached.noticeParts()
        }
    }

    /// The most that libmagic reads at each end (`FILE_BYTES_MAX` in its source, 7 MiB), and the kernel's readahead,
    /// which is at most as much.
    private static let typeBytes: Int64 = 14 << 20

    /// Throws `.changed` if the status differs from that at opening.
    ///
    /// `read(into:)` does this at the end; callers that stop earlier (for the type only) call it.
    package func confirmUnchanged() throws(ContentFailure) {
        if try !status.describesSameContent(as: Self.status(of: file.number)) { throw .changed }
    }

    /// Finds where the hole at `offset` ends (at `offset`, if there is none), and where the data after it ends.
    private mutating func findHole() throws(ContentFailure) {
        do throws(Errno) {
            let nextData = try Kernel.nextData(file.number, from: offset)
            holeEnd = min(nextData ?? status.size, status.size)
            dataEnd = holeEnd
            holesLeft -= holeEnd - offset
            if holesLeft < 0 { throw .fileTooLarge }
            if holeEnd < status.size { dataEnd = try Kernel.nextHole(file.number, from: holeEnd) }
        } catch {
            if error == .fileTooLarge { throw .call("read", error) }
            // A file system without SEEK_DATA: its zeros are read like other bytes.
            if error != .invalid && error != .notSupported { throw .call("lseek", error) }
            holeEnd = offset
            dataEnd = .max
        }
    }

    /// A hole is returned in slices of 16 MiB, about 10 ms of SHA-256, so that exabytes of it do not occupy a worker.
    private static let holeSlice: Int64 = 16 << 20
}

extension FileReader {
    /// Continues for about `budget` bytes and feeds them to `digest`, which has begun with `status.size`.
    ///
    /// - Parameters:
    ///   - budget: bytes after which to return, including holes; one buffer or slice of a hole may exceed it.
    ///   - buffer: for the bytes; its content afterwards is meaningless.
    /// - Returns: whether the file was read to its end and has not changed, so that the digests may be finished.
    package mutating func feed(
        _ digest: inout MultiDigest, budget: Int64, through buffer: UnsafeMutableRawBufferPointer
    ) throws(ContentFailure) -> Bool {
        let goal = offset.addingReportingOverflow(budget)
        while goal.overflow || offset < goal.partialValue {
            switch try read(into: piece(of: buffer)) {
            case .bytes(let count): digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            case .hole(let count): digest.updateZeros(count)
            case .end: return true
            }
        }
        return false
    }

    /// The whole content of a file without a meaningful `st_size`: files of proc and sysfs claim 0 or 4096 bytes.
    ///
    /// The kernel generates such content during reading, so changes are meaningless and are not checked.
    ///
    /// - Parameters:
    ///   - limit: in bytes; more is `EFBIG`.
    ///   - buffer: for the bytes; its content afterwards is meaningless.
    package mutating func readUnsized(
        limit: Int, through buffer: UnsafeMutableRawBufferPointer
    ) throws(ContentFailure) -> [UInt8] {
        var content: [UInt8] = []
        do throws(Errno) {
            while true {
                let count = try Kernel.read(file.number, at: offset, into: buffer)
                if count == 0 { return content }
                content.append(contentsOf: buffer[..<count])
                offset += Int64(count)
                if content.count > limit { throw .fileTooLarge }
            }
        } catch {
            throw .call("read", error)
        }
    }
}
