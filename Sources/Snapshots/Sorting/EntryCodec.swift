import Bytes
import LinuxKernel
import ScanEngine

/// Entries as bytes inside one process: in batches on their way to a database, and in sorted runs.
///
/// Without holes between its fields: its bytes are compared and written to files, and those of a hole are anything.
///
/// ```
///  EntryHeader │ target │ mime │ digests: (algorithm, bytes)… │ state │ xattrs │ errors        lengths are in the header
/// ```
struct EntryHeader: BitwiseCopyable {
    /// Big-endian, and in front: entries of one path compare by it. See `EntrySorter`.
    var order: UInt64 = 0
    /// Which fields are known (`SnapshotFields`), and the two flags below.
    var present: UInt32 = 0
    /// `EntryKind.rawValue`.
    var kind: UInt8 = 0
    /// `EntryRules.rawValue`.
    var rules: UInt8 = 0
    private var zeros: (UInt8, UInt8) = (0, 0)
    var mode: UInt32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    var flags: UInt32 = 0
    var size: Int64 = 0
    var diskBytes: Int64 = 0
    var links: UInt64 = 0
    var device: UInt64 = 0
    var inode: UInt64 = 0
    var specialDevice: UInt64 = 0
    var mtime = PackedTime()
    var ctime = PackedTime()
    var btime = PackedTime()
    var targetLength: UInt32 = 0
    var mimeLength: UInt32 = 0
    var digestsLength: UInt32 = 0
    var stateLength: UInt32 = 0
    var xattrsLength: UInt32 = 0
    var errorsLength: UInt32 = 0

    static let isChanged: UInt32 = 1 << 30

    init() {}

    /// What a scan knows of every entry that it could stat.
    init(_ kind: EntryKind, _ status: borrowing FileStatus, _ content: RecordContent) {
        self.kind = kind.rawValue
        var fields: SnapshotFields = [
            .kind, .size, .diskBytes, .mode, .uid, .gid, .links, .device, .inode, .mtime, .ctime,
        ]
        (size, diskBytes) = (status.size, status.diskBytes)
        (mode, uid, gid) = (status.mode & 0o7777, status.uid, status.gid)
        (links, device, inode) = (UInt64(status.links), status.deviceNumber, status.inode)
        mtime = PackedTime(status.mtime.seconds, status.mtime.nanoseconds)
        ctime = PackedTime(status.ctime.seconds, status.ctime.nanoseconds)
        if let time = status.btime {
            fields.insert(.btime)
            btime = PackedTime(time.seconds, time.nanoseconds)
        }
        if kind == .blockDevice || kind == .characterDevice {
            fields.insert(.specialDevice)
            specialDevice = status.specialDeviceNumber
        }
        if let flags = status.flags {
            fields.insert(.flags)
            self.flags = flags.rawValue
        }
        present = fields.rawValue | (content.isChanged ? Self.isChanged : 0)
    }
}

struct PackedTime: BitwiseCopyable {
    var seconds: Int64 = 0
    var nanoseconds: Int64 = 0

    init() {}

    init(_ seconds: Int64, _ nanoseconds: Int64) {
        self.seconds = seconds
        // A damaged file system may have more of them than a second has.
        self.nanoseconds = min(max(0, nanoseconds), 999_999_999)
    }

    init(_ time: SnapshotTime) { self.init(time.seconds, time.nanoseconds) }

    var time: SnapshotTime { SnapshotTime(seconds: seconds, nanoseconds: nanoseconds) }
}

/// Writes entries as bytes: one for each stream.
struct EntryEncoder: ~Copyable {
    var buffer = ByteBuffer(capacity: 4096)
    private let digests: DigestSet

    /// - Parameter digests: what the rows of `RecordContent` consist of.
    init(digests: DigestSet) { self.digests = digests }

    mutating func append(_ kind: EntryKind, _ status: borrowing FileStatus, _ content: RecordContent) {
        var header = EntryHeader(kind, status, content)
        let target = kind == .symlink ? content.target : nil
        if let target {
            header.present |= SnapshotFields.target.rawValue
            header.targetLength = UInt32(target.count)
        }
        let mime = kind == .file ? content.mime : nil
        if let mime {
            header.present |= SnapshotFields.mime.rawValue
            header.mimeLength = UInt32(mime.utf8.count)
        }
        let row = digests.isEmpty ? nil : content.digests
        if row != nil { header.digestsLength = UInt32(digests.rowBytes + digests.algorithms.count) }
        if let state = content.state { header.stateLength = UInt32(state.count) }
        let xattrs = content.xattrs.map { Self.pack($0) }
        if let xattrs {
            header.present |= SnapshotFields.xattrs.rawValue
            header.xattrsLength = UInt32(xattrs.count)
        }
        append(header)
        if let target { buffer.append(target) }
        if let mime { buffer.append(mime) }
        if let row { append(row) }
        if let state = content.state { buffer.append(state) }
        if let xattrs { buffer.append(xattrs) }
    }

    private mutating func append(_ row: [UInt8]) {
        precondition(row.count == digests.rowBytes, "a digest row has the length that its set prescribes")
        var offset = 0
        for algorithm in digests.algorithms {
            buffer.append(algorithm.index)
            row.withUnsafeBytes {
                buffer.append(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + algorithm.byteCount]))
            }
            offset += algorithm.byteCount
        }
    }

    /// A name that could not be stat'ed.
    mutating func append(unknown kind: EntryKind) {
        var header = EntryHeader()
        header.kind = kind.rawValue
        header.present = SnapshotFields.kind.rawValue
        append(header)
    }

    mutating func append(_ error: ScanError) {
        let packed = Self.pack([
            SnapshotEntryError(operation: error.operation, code: error.code, message: error.message)
        ])
        var header = EntryHeader()
        header.errorsLength = UInt32(packed.count)
        append(header)
        buffer.append(packed)
    }

    mutating func append(_ entry: SnapshotEntry, order: UInt64 = 0) {
        var header = EntryHeader()
        header.order = order.bigEndian
        var fields: SnapshotFields = []
        func keep<Value>(_ field: SnapshotFields, _ value: Value?, in place: inout Value) {
            guard let value else { return }
            fields.insert(field)
            place = value
        }
        keep(.kind, entry.kind?.rawValue, in: &header.kind)
        keep(.size, entry.size, in: &header.size)
        keep(.diskBytes, entry.diskBytes, in: &header.diskBytes)
        keep(.mode, entry.mode, in: &header.mode)
        keep(.uid, entry.uid, in: &header.uid)
        keep(.gid, entry.gid, in: &header.gid)
        keep(.links, entry.links, in: &header.links)
        keep(.device, entry.device, in: &header.device)
        keep(.inode, entry.inode, in: &header.inode)
        keep(.specialDevice, entry.specialDevice, in: &header.specialDevice)
        keep(.flags, entry.flags?.rawValue, in: &header.flags)
        keep(.mtime, entry.mtime.map { PackedTime($0) }, in: &header.mtime)
        keep(.ctime, entry.ctime.map { PackedTime($0) }, in: &header.ctime)
        keep(.btime, entry.btime.map { PackedTime($0) }, in: &header.btime)
        keep(.target, entry.target.map { UInt32($0.count) }, in: &header.targetLength)
        keep(.mime, entry.mime.map { UInt32($0.utf8.count) }, in: &header.mimeLength)
        let xattrs = entry.xattrs.map { Self.pack($0) }
        keep(.xattrs, xattrs.map { UInt32($0.count) }, in: &header.xattrsLength)
        let errors = Self.pack(entry.errors)
        header.errorsLength = UInt32(errors.count)
        header.stateLength = UInt32(entry.state?.count ?? 0)
        header.digestsLength = UInt32(entry.digests.reduce(0) { $0 + 1 + $1.value.count })
        header.present = fields.rawValue | (entry.isChanged ? EntryHeader.isChanged : 0)
        header.rules = entry.rules.rawValue
        append(header)
        if let target = entry.target { buffer.append(target) }
        if let mime = entry.mime { buffer.append(mime) }
        for algorithm in DigestAlgorithm.allCases {
            guard let digest = entry.digests[algorithm] else { continue }
            precondition(digest.count == algorithm.byteCount, "a digest has the length of its algorithm")
            buffer.append(algorithm.index)
            buffer.append(digest)
        }
        if let state = entry.state { buffer.append(state) }
        if let xattrs { buffer.append(xattrs) }
        buffer.append(errors)
    }

    private mutating func append(_ header: EntryHeader) {
        withUnsafeBytes(of: header) { buffer.append($0) }
    }

    // MARK: Lists, each item as length and bytes

    static func pack(_ xattrs: [ExtendedAttribute]) -> [UInt8] { pack(xattrs.flatMap { [$0.name, $0.value] }) }

    static func pack(_ errors: [SnapshotEntryError]) -> [UInt8] {
        pack(errors.flatMap { [Array($0.operation.utf8), Array($0.code.utf8), Array($0.message.utf8)] })
    }

    private static func pack(_ items: [[UInt8]]) -> [UInt8] {
        var packed: [UInt8] = []
        for item in items {
            withUnsafeBytes(of: UInt32(item.count)) { packed.append(contentsOf: $0) }
            packed.append(contentsOf: item)
        }
        return packed
    }
}

extension DigestAlgorithm {
    /// Its place among all of them.
    var index: UInt8 { UInt8(Self.allCases.firstIndex(of: self).unsafelyUnwrapped) }
}
