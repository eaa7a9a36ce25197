import ScanEngine

/// Entries as bytes inside one process: in batches on their way to a database, and in sorted runs.
///
/// ```
///  EntryHeader │ target │ mime │ digests: (algorithm, bytes)… │ state │ xattrs │ errors        lengths are in the header
/// ```
struct EntryHeader: BitwiseCopyable {
    /// Which fields are known (`SnapshotFields`), and the two flags below.
    var present: UInt32 = 0
    /// `EntryKind.rawValue`.
    var kind: UInt8 = 0
    var mode: UInt32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    var flags: UInt32 = 0
    var mtimeNanoseconds: UInt32 = 0
    var ctimeNanoseconds: UInt32 = 0
    var btimeNanoseconds: UInt32 = 0
    var size: Int64 = 0
    var diskBytes: Int64 = 0
    var links: UInt64 = 0
    var device: UInt64 = 0
    var inode: UInt64 = 0
    var specialDevice: UInt64 = 0
    var mtime: Int64 = 0
    var ctime: Int64 = 0
    var btime: Int64 = 0
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
        mtime = status.mtime.seconds
        mtimeNanoseconds = UInt32(truncatingIfNeeded: status.mtime.nanoseconds)
        ctime = status.ctime.seconds
        ctimeNanoseconds = UInt32(truncatingIfNeeded: status.ctime.nanoseconds)
        if let time = status.btime {
            fields.insert(.btime)
            btime = time.seconds
            btimeNanoseconds = UInt32(truncatingIfNeeded: time.nanoseconds)
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

    mutating func append(_ entry: SnapshotEntry) {
        var header = EntryHeader()
        var fields: SnapshotFields = []
        func note(_ field: SnapshotFields, _ isKnown: Bool) { if isKnown { fields.insert(field) } }
        note(.kind, entry.kind != nil)
        header.kind = entry.kind?.rawValue ?? 0
        note(.size, entry.size != nil)
        header.size = entry.size ?? 0
        note(.diskBytes, entry.diskBytes != nil)
        header.diskBytes = entry.diskBytes ?? 0
        note(.mode, entry.mode != nil)
        header.mode = entry.mode ?? 0
        note(.uid, entry.uid != nil)
        header.uid = entry.uid ?? 0
        note(.gid, entry.gid != nil)
        header.gid = entry.gid ?? 0
        note(.links, entry.links != nil)
        header.links = entry.links ?? 0
        note(.device, entry.device != nil)
        header.device = entry.device ?? 0
        note(.inode, entry.inode != nil)
        header.inode = entry.inode ?? 0
        note(.specialDevice, entry.specialDevice != nil)
        header.specialDevice = entry.specialDevice ?? 0
        note(.flags, entry.flags != nil)
        header.flags = entry.flags?.rawValue ?? 0
        note(.mtime, entry.mtime != nil)
        (header.mtime, header.mtimeNanoseconds) = Self.parts(entry.mtime)
        note(.ctime, entry.ctime != nil)
        (header.ctime, header.ctimeNanoseconds) = Self.parts(entry.ctime)
        note(.btime, entry.btime != nil)
        (header.btime, header.btimeNanoseconds) = Self.parts(entry.btime)
        note(.target, entry.target != nil)
        header.targetLength = UInt32(entry.target?.count ?? 0)
        note(.mime, entry.mime != nil)
        header.mimeLength = UInt32(entry.mime?.utf8.count ?? 0)
        note(.xattrs, entry.xattrs != nil)
        let xattrs = Self.pack(entry.xattrs ?? [])
        header.xattrsLength = UInt32(xattrs.count)
        let errors = Self.pack(entry.errors)
        header.errorsLength = UInt32(errors.count)
        header.stateLength = UInt32(entry.state?.count ?? 0)
        header.digestsLength = UInt32(entry.digests.reduce(0) { $0 + 1 + $1.value.count })
        header.present = fields.rawValue | (entry.isChanged ? EntryHeader.isChanged : 0)
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
        buffer.append(xattrs)
        buffer.append(errors)
    }

    private mutating func append(_ header: EntryHeader) {
        withUnsafeBytes(of: header) { buffer.append($0) }
    }

    private static func parts(_ time: SnapshotTime?) -> (Int64, UInt32) {
        (time?.seconds ?? 0, UInt32(truncatingIfNeeded: time?.nanoseconds ?? 0))
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
