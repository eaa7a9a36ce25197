package import LinuxKernel
import WorkStealing

/// One worker's means to read files: a buffer and digest contexts. Each file is opened and read once, for all requested
/// results.
package struct ContentReader: ~Copyable {
    private let shared: SharedContent
    /// Owned: freed in `deinit`.
    private let buffer: UnsafeMutableRawBufferPointer
    private var digest: MultiDigest?
    /// Bytes read since the last question, without holes.
    private var bytesRead: Int64 = 0
    private var ways = CachedReadingWays()

    package init(_ shared: SharedContent) {
        self.shared = shared
        // For a digest 256 KiB of it are used at a time, where the kernel reads ahead: see `FileReader.piece`.
        buffer = .allocate(byteCount: 1 << 20, alignment: 4096)
        digest = shared.methods.map { MultiDigest($0) }
    }

    deinit { buffer.deallocate() }

    /// Bytes read since the last call: for a progress display.
    mutating func takeBytesRead() -> Int64 {
        defer { bytesRead = 0 }
        return bytesRead
    }

    package enum Outcome: Sendable {
        case done(FileContent)
        /// Its type is known, its digests are not: call `advance(_:)` until they are, in as many messages as it takes.
        case large(LargeFile)
        /// Everything is known except its type, for which no detector is free.
        case untyped(UntypedFile)
        /// The same, but too many files are already open: try again with a token of `MIMEDetectors.resource`.
        case lacksDetector
    }

    /// Opens a regular file and reads it.
    ///
    /// - Parameters:
    ///   - expected: the inode listed under the name.
    ///   - listed: its status then; a file whose status differs now has changed.
    ///   - wasJustListed: see `FileReader`.
    ///   - keepAccessTime: see `Kernel.openFile`.
    ///   - hasSize: false on pseudo file systems, whose `st_size` means nothing; then up to 64 MiB are read.
    ///   - hasDetector: the caller has a token of `MIMEDetectors.resource`, so a detector is available.
    package mutating func inspect(
        _ name: UnsafePointer<CChar>, in directory: Int32, expecting expected: DeviceInode?,
        listed: ContentStatus? = nil, wasJustListed: Bool = true, keepAccessTime: Bool = true, hasSize: Bool = true,
        hasDetector: Bool = false
    ) throws(ContentFailure) -> Outcome {
        var reader = try FileReader(
            name, in: directory, expecting: expected, wasJustListed: wasJustListed, keepAccessTime: keepAccessTime,
            ways: ways)
        if hasSize, let listed, !listed.describesSameContent(as: reader.status) { throw .changed }
        if reader.status.size > shared.maxRead { throw .call("read", .fileTooLarge) }
        reader.holesLeft = shared.maxHoles
        guard hasSize else { return try unsized(&reader, hasDetector) }
        if shared.detectors != nil { reader.prepareForType(buffer) }
        guard digest != nil else { return try typeAlone(reader, hasDetector) }
        var content = FileContent()
        if reader.status.size > Self.messageBytes, let methods = shared.methods {
            guard addType(to: &content, of: reader, head: nothing, hasDetector) else { return .lacksDetector }
            var own = MultiDigest(methods)
            own.begin(length: reader.status.size)
            return .large(LargeFile(reader, own, type: content.mime))
        }
        digest!.begin(length: reader.status.size)
        var isFirst = true
        var place: Resource.Token?
        var key: MIMECache.Key?
        while true {
            // The type is determined from as much of the beginning as the buffer holds.
            let part = isFirst && shared.detectors != nil ? buffer : reader.piece(of: buffer)
            let piece = try reader.read(into: part)
            if isFirst { ways.learn(from: reader) }
            var head = nothing
            if case .bytes(let count) = piece { head = UnsafeRawBufferPointer(rebasing: buffer[..<count]) }
            // First of all, so that a file that may have to be read again is not digested twice.
            if isFirst, !addType(to: &content, of: reader, head: head, hasDetector) {
                place = shared.openFiles.tryTake()
                if place == nil { return .lacksDetector }
                key = MIMEDetectors.key(of: reader, head: head)
            }
            isFirst = false
            switch piece {
            case .bytes(let count):
                bytesRead &+= Int64(count)
                digest!.update(head)
            case .hole(let count): digest!.updateZeros(count)
            case .end:
                digest!.finish(appendingTo: &content.digests)
                guard let kept = place.take() else { return .done(content) }
                return .untyped(UntypedFile(reader, row: content.digests, key, kept))
            }
        }
    }

    /// Continues a large file for about 16 MiB.
    ///
    /// - Returns: nil while there is more to read.
    package mutating func advance(_ file: LargeFile) throws(ContentFailure) -> FileContent? {
        let before = file.reader.bytesRead
        defer { bytesRead &+= file.reader.bytesRead - before }
        guard try file.reader.feed(&file.digest, budget: Self.messageBytes, through: buffer) else { return nil }
        var content = FileContent(mime: file.type)
        file.digest.finish(appendingTo: &content.digests)
        return content
    }

    /// A symlink's target and its digests.
    package mutating func inspectSymlink(
        _ name: UnsafePointer<CChar>, in directory: Int32
    ) throws(ContentFailure) -> (target: [UInt8], row: [UInt8]) {
        let target: [UInt8]
        do {
            target = try Kernel.symlinkTarget(name, in: directory)
        } catch {
            throw .call("readlinkat", error)
        }
        return (target, row(of: target))
    }

    /// A directory's digests from those of its entries, as one row; nil if they are not known.
    package mutating func finish(_ tree: consuming TreeDigest) -> [UInt8]? {
        guard digest != nil else { return nil }
        var row: [UInt8] = []
        return tree.finish(with: &digest!, appendingTo: &row) ? row : nil
    }

    private mutating func typeAlone(
        _ opened: consuming FileReader, _ hasDetector: Bool
    ) throws(ContentFailure) -> Outcome {
        var reader = opened
        var content = FileContent()
        var head = nothing
        // libmagic reads larger files itself: their answers are not reused.
        if reader.status.size <= buffer.count, case .bytes(let count) = try reader.read(into: buffer) {
            head = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            bytesRead &+= Int64(count)
        }
        ways.learn(from: reader)
        guard addType(to: &content, of: reader, head: head, hasDetector) else {
            guard let place = shared.openFiles.tryTake() else { return .lacksDetector }
            let key = MIMEDetectors.key(of: reader, head: head)
            return .untyped(UntypedFile(reader, row: [], key, place))
        }
        try reader.confirmUnchanged()
        return .done(content)
    }

    private mutating func unsized(_ reader: inout FileReader, _ hasDetector: Bool) throws(ContentFailure) -> Outcome {
        var content = FileContent()
        guard addType(to: &content, of: reader, head: nothing, hasDetector) else { return .lacksDetector }
        if digest != nil {
            let bytes = try reader.readUnsized(limit: Self.unsizedLimit, through: buffer)
            bytesRead &+= Int64(bytes.count)
            content.digests = row(of: bytes)
        }
        return .done(content)
    }

    /// - Returns: false if the type is requested and no detector is free.
    private func addType(
        to content: inout FileContent, of reader: borrowing FileReader, head: UnsafeRawBufferPointer,
        _ hasDetector: Bool
    ) -> Bool {
        guard let detectors = shared.detectors else { return true }
        content.mime = detectors.type(of: reader, head: head, hasToken: hasDetector)
        return content.mime != nil
    }

    private var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    /// The digests of bytes in memory.
    private mutating func row(of bytes: [UInt8]) -> [UInt8] {
        var row: [UInt8] = []
        guard digest != nil else { return row }
        // The array's own memory, valid during the call.
        bytes.withUnsafeBytes { digest!.digest($0, appendingTo: &row) }
        return row
    }

    /// Files up to this size are read in the message of their directory; larger ones get messages of this size, 8 ms of
    /// SHA-256 each.
    static let messageBytes: Int64 = 16 << 20
    private static let unsizedLimit = 64 << 20
}

/// It is not tied to a thread, and it is not copyable, so its holder is its only user.
extension ContentReader: @unchecked Sendable {}
