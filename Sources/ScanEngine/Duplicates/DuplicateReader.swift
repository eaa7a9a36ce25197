// How a worker reads files: their ends, and all of them.

import CLinux
import Entries
import LinuxKernel
import WorkStealing

/// The part of a file to compare.
enum ReadStage: Sendable {
    /// The first and the last 4 KiB.
    case ends
    /// All bytes; their digest is what other programs print.
    case whole
    /// All bytes except chunks of 64 KiB of zeros. Holes are not read, so they cost nothing, whatever their size.
    case chunks
}

/// The result of reading a file.
struct ReadContent: Sendable {
    /// Equal if the contents are equal.
    let key: [UInt8]
    let status: ContentStatus
    let bytesRead: Int64
    /// The key comes from an earlier scan.
    var isTakenOver = false
}

/// One worker's buffer and digest contexts.
///
/// `@unchecked Sendable`: it is only used through `current`, on the thread of its worker.
final class DuplicateReader: @unchecked Sendable {
    let buffer: UnsafeMutableRawBufferPointer
    private var digest: MultiDigest
    private var endsDigest: MultiDigest
    /// Properties of the devices met so far: a few.
    private var devices: [UInt64: DeviceKind] = [:]
    /// The queues of disks that turn; nil: it does not, or that is unknown.
    private var disks: [UInt64: DiskQueue?] = [:]
    private var ways = CachedReadingWays()
    private let baseline: ContentBaseline?
    /// This worker's position in the baseline.
    private var baselineCursor = -1

    struct DeviceKind {
        var isPseudo: Bool
        /// See `ContentBaseline.known`.
        var isServed: Bool
        /// Whether files may share extents there.
        var sharesExtents: Bool
        /// Whether path lookup stays in this kernel. Then `openListed` takes 0.6 of the time of a hold.
        var isLocal: Bool
    }

    init(_ methods: DigestMethods, ends: DigestMethods, baseline: ContentBaseline? = nil) {
        self.baseline = baseline
        buffer = .allocate(byteCount: 1 << 20, alignment: 4096)
        digest = MultiDigest(methods)
        endsDigest = MultiDigest(ends)
    }

    deinit { buffer.deallocate() }

    static var current: DuplicateReader { Scheduler.workerLocal(as: DuplicateReader.self) }

    /// Opens a file through the first of its paths that still leads to it.
    ///
    /// - Returns: nil on a pseudo file system, whose files are not opened.
    /// - Throws: the error of the first path.
    func open(_ file: Candidate) throws(ContentFailure) -> OpenFile? {
        var first: Errno?
        for path in file.paths {
            do throws(Errno) {
                if devices[file.identity.device]?.isLocal == true {
                    return try reader(try FileHold.openListed(path, expecting: file.identity), file)
                }
                let hold = try FileHold.hold(path, expecting: file.identity)
                if try kind(ofDevice: file.identity.device, hold.number).isPseudo { return nil }
                return try reader(try Kernel.open(held: hold.number), file)
            } catch {
                if first == nil { first = error }
            }
        }
        throw .call("openat", first ?? .stale)
    }

    private func reader(_ descriptor: consuming FileDescriptor, _ file: Candidate) throws(Errno) -> OpenFile {
        do throws(ContentFailure) {
            return OpenFile(try FileReader(descriptor, expecting: file.identity, ways: ways))
        } catch {
            if case .call(_, let error) = error { throw error }
            throw .stale
        }
    }

    private func kind(ofDevice device: UInt64, _ descriptor: Int32) throws(Errno) -> DeviceKind {
        if let known = devices[device] { return known }
        let type = try Kernel.fileSystemType(of: descriptor)
        let kind = DeviceKind(
            isPseudo: PseudoFileSystem(magicNumber: type) != nil, isServed: type == Kernel.fuseType,
            sharesExtents: Self.typesWithShares.contains(type), isLocal: Self.localTypes.contains(type))
        devices[device] = kind
        return kind
    }

    /// ext2 to ext4, XFS, btrfs, F2FS, tmpfs, from linux/magic.h.
    private static let localTypes: Set<UInt64> = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994]

    /// XFS, btrfs, ocfs2, bcachefs, from linux/magic.h.
    private static let typesWithShares: Set<UInt64> = [0x5846_5342, 0x9123_683E, 0x7461_636F, 0xCA45_1A4E]

    /// Whether files of a device that this worker has met have no extents in common.
    func isKnownToShareNothing(_ device: UInt64) -> Bool { devices[device]?.sharesExtents == false }

    /// The extents of a file; nil if its file system cannot share extents.
    func extents(of file: Candidate) -> [FileExtent]? {
        guard devices[file.identity.device]?.sharesExtents != false, let opened = try? open(file),
            devices[file.identity.device]?.sharesExtents == true
        else { return nil }
        return try? Kernel.extents(of: opened.reader.file.number)
    }

    /// The same for each worker, which remembers it.
    func disk(ofDevice device: UInt64, _ search: DuplicateSearch) -> DiskQueue? {
        if let known = disks[device] { return known }
        let queue = search.disks.queue(ofDevice: device, search)
        disks[device] = .some(queue)
        return queue
    }

    /// Where its disk has the beginning of a file; 0 if that is unknown.
    func place(of file: Candidate) -> UInt64 {
        guard let opened = try? open(file) else { return 0 }
        return Kernel.firstPlace(of: opened.reader.file.number)
    }

    /// The digest of an unchanged file from an earlier scan, without reading the file.
    ///
    /// - Returns: nil if the file must be read.
    func takenOver(_ file: Candidate, size: Int64) -> ReadContent? {
        guard let baseline else { return nil }
        for path in file.paths {
            guard let hold = try? FileHold.hold(path, expecting: file.identity) else { continue }
            var status = FileStatus()
            guard (try? kind(ofDevice: file.identity.device, hold.number).isPseudo) == false,
                (try? Kernel.status(of: hold.number, .full, into: &status)) != nil, status.size == size,
                let known = baseline.known(
                    status, .file, isServed: devices[file.identity.device]?.isServed ?? true, &baselineCursor),
                known.use == .takeOver
            else { return nil }
            return ReadContent(
                key: Array(known.digests), status: ContentStatus(status), bytesRead: 0, isTakenOver: true)
        }
        return nil
    }

    // MARK: Reading

    func read(_ stage: ReadStage, _ file: Candidate, size: Int64) throws(ContentFailure) -> ReadContent? {
        guard let opened = try open(file) else { return nil }
        try opened.confirm(size, file.status)
        switch stage {
        case .ends: return try ends(of: opened, size)
        case .whole:
            digest.begin(length: size)
            while !(try opened.reader.feed(&digest, budget: .max, through: buffer)) {}
            return opened.finish(&digest)
        case .chunks:
            digest.beginLane(0)
            while !(try opened.feedChunks(&digest, budget: .max, through: buffer)) {}
            return opened.finishChunks(&digest)
        }
    }

    private func ends(of file: OpenFile, _ size: Int64) throws(ContentFailure) -> ReadContent {
        let length = Int(min(Int64(Self.endBytes), size))
        endsDigest.begin(length: Int64(2 * length))
        file.reader.cached.noticeParts()
        for offset in [0, size - Int64(length)] {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<length])
            try file.readExactly(at: offset, into: part)
            endsDigest.update(UnsafeRawBufferPointer(part))
        }
        ways.learn(from: file.reader)
        try file.reader.confirmUnchanged()
        var key: [UInt8] = []
        endsDigest.finish(appendingTo: &key)
        return ReadContent(key: key, status: file.reader.status, bytesRead: Int64(2 * length))
    }

    /// Bytes of each end: a page, the least that the kernel reads.
    private static let endBytes = 4096
}

/// A file that is being read.
///
/// `@unchecked Sendable`: only one worker uses it at a time, and each message passes it on to the next.
final class OpenFile: @unchecked Sendable {
    var reader: FileReader
    /// The position of the next chunk, and the bytes read so far.
    private var offset: Int64 = 0
    private(set) var bytesRead: Int64 = 0

    init(_ reader: consuming FileReader) { self.reader = reader }

    /// Checks that the file is still as it was listed, and as it was when read before.
    func confirm(_ size: Int64, _ before: ContentStatus?) throws(ContentFailure) {
        if reader.status.size != size { throw .changed }
        if let before, !before.describesSameContent(as: reader.status) { throw .changed }
    }

    func readExactly(at start: Int64, into part: UnsafeMutableRawBufferPointer) throws(ContentFailure) {
        var done = 0
        while done < part.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: part[done...])
            let count = try reader.read(at: start + Int64(done), into: rest)
            if count == 0 { throw .changed }
            done += count
        }
        bytesRead += Int64(done)
    }

    func finish(_ digest: inout MultiDigest) -> ReadContent {
        var key: [UInt8] = []
        digest.finish(appendingTo: &key)
        return ReadContent(
            key: key, status: reader.status, bytesRead: min(reader.status.size, reader.status.allocatedBytes))
    }

    /// Feeds each chunk that is not all zeros, preceded by its offset, and skips the others. Two files of one size feed
    /// the same bytes if and only if their contents are equal, wherever they have holes.
    ///
    /// - Returns: whether this is the end of the file.
    func feedChunks(
        _ digest: inout MultiDigest, budget: Int64, through buffer: UnsafeMutableRawBufferPointer
    ) throws(ContentFailure) -> Bool {
        let size = reader.status.size
        let goal = bytesRead.addingReportingOverflow(budget)
        while offset < size {
            if !goal.overflow, bytesRead >= goal.partialValue { return false }
            offset = try nextData(from: offset) / Self.chunk * Self.chunk
            if offset >= size { break }
            let piece = reader.piece(of: buffer)
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<Int(min(Int64(piece.count), size - offset))])
            try readExactly(at: offset, into: part)
            for start in stride(from: 0, to: part.count, by: Int(Self.chunk)) {
                let end = min(start + Int(Self.chunk), part.count)
                let bytes = UnsafeRawBufferPointer(rebasing: part[start..<end])
                if Self.isZero(bytes) { continue }
                let place = offset + Int64(start)
                withUnsafeBytes(of: place.littleEndian) { digest.updateLane(0, $0) }
                digest.updateLane(0, bytes)
            }
            offset += Int64(part.count)
        }
        try reader.confirmUnchanged()
        return true
    }

    func finishChunks(_ digest: inout MultiDigest) -> ReadContent {
        var key: [UInt8] = []
        digest.finishLane(0, appendingTo: &key)
        return ReadContent(key: key, status: reader.status, bytesRead: bytesRead)
    }

    /// The first offset at or after `start` that is not in a hole; the size if only a hole follows.
    func nextData(from start: Int64) throws(ContentFailure) -> Int64 {
        do throws(Errno) {
            return try Kernel.nextData(reader.file.number, from: start) ?? reader.status.size
        } catch {
            // A file system without SEEK_DATA: its zeros are read like other bytes.
            if error == .invalid || error == .notSupported { return start }
            throw .call("lseek", error)
        }
    }

    private static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if bytes[0] != 0 { return false }
        // Each byte equals the one before it.
        return memcmp(bytes.baseAddress!, bytes.baseAddress! + 1, bytes.count - 1) == 0
    }

    private static let chunk: Int64 = 64 << 10
}
