import LinuxKernel
import ScanEngine

/// One entry as `EntryEncoder` wrote it. Valid as long as its bytes.
struct PackedEntry {
    let header: EntryHeader
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        let header = bytes.loadUnaligned(as: EntryHeader.self)
        self.header = header
        self.bytes = bytes
        let lengths = Int(header.targetLength) + Int(header.mimeLength) + Int(header.digestsLength)
        let more = Int(header.stateLength) + Int(header.xattrsLength) + Int(header.errorsLength)
        let expected = MemoryLayout<EntryHeader>.size + lengths + more
        precondition(bytes.count == expected, "an entry has the length that its header says")
    }

    func has(_ field: SnapshotFields) -> Bool { header.present & field.rawValue != 0 }

    var kind: EntryKind? { has(.kind) ? EntryKind(rawValue: header.kind) : nil }
    /// What `EntryEncoder` was told.
    var order: UInt64 { UInt64(bigEndian: header.order) }
    var isChanged: Bool { header.present & EntryHeader.isChanged != 0 }
    var target: UnsafeRawBufferPointer? { has(.target) ? part(0) : nil }
    var mime: UnsafeRawBufferPointer? { has(.mime) ? part(1) : nil }
    /// (algorithm, digest)…
    var digests: UnsafeRawBufferPointer { part(2) }
    var state: UnsafeRawBufferPointer? { header.stateLength > 0 ? part(3) : nil }
    /// As `EntryEncoder.pack` wrote them.
    var xattrs: UnsafeRawBufferPointer? { has(.xattrs) ? part(4) : nil }
    var errors: [SnapshotEntryError] {
        if header.errorsLength == 0 { return [] }
        let items = Self.unpack(part(5))
        return stride(from: 0, to: items.count, by: 3).map { index in
            SnapshotEntryError(
                operation: String(decoding: items[index], as: UTF8.self),
                code: String(decoding: items[index + 1], as: UTF8.self),
                message: String(decoding: items[index + 2], as: UTF8.self))
        }
    }

    func forEachDigest(_ body: (DigestAlgorithm, UnsafeRawBufferPointer) -> Void) {
        if header.digestsLength == 0 { return }
        var rest = digests
        while let index = rest.first {
            let algorithm = DigestAlgorithm.allCases[Int(index)]
            body(algorithm, UnsafeRawBufferPointer(rebasing: rest[1...algorithm.byteCount]))
            rest = UnsafeRawBufferPointer(rebasing: rest[(1 + algorithm.byteCount)...])
        }
    }

    static func unpackAttributes(_ bytes: UnsafeRawBufferPointer) -> [ExtendedAttribute] {
        let items = unpack(bytes)
        return stride(from: 0, to: items.count - 1, by: 2).map {
            ExtendedAttribute(name: items[$0], value: items[$0 + 1])
        }
    }

    func entry(_ key: EntryKey) -> SnapshotEntry {
        var entry = SnapshotEntry(key: key, kind: kind)
        func known<Value>(_ field: SnapshotFields, _ value: Value) -> Value? { has(field) ? value : nil }
        entry.size = known(.size, header.size)
        entry.diskBytes = known(.diskBytes, header.diskBytes)
        entry.mode = known(.mode, header.mode)
        entry.uid = known(.uid, header.uid)
        entry.gid = known(.gid, header.gid)
        entry.links = known(.links, header.links)
        entry.device = known(.device, header.device)
        entry.inode = known(.inode, header.inode)
        entry.mtime = known(.mtime, header.mtime.time)
        entry.ctime = known(.ctime, header.ctime.time)
        entry.btime = known(.btime, header.btime.time)
        entry.specialDevice = known(.specialDevice, header.specialDevice)
        entry.flags = known(.flags, InodeFlags(rawValue: header.flags))
        entry.target = target.map { Array($0) }
        entry.mime = mime.map { String(decoding: $0, as: UTF8.self) }
        forEachDigest { entry.digests[$0] = Array($1) }
        entry.xattrs = xattrs.map { Self.unpackAttributes($0) }
        entry.state = state.map { Array($0) }
        entry.isChanged = isChanged
        entry.rules = EntryRules(rawValue: header.rules)
        entry.errors = errors
        return entry
    }

    private func part(_ index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[offset(index)..<offset(index) + length(index)])
    }

    private func offset(_ index: Int) -> Int {
        var offset = MemoryLayout<EntryHeader>.size
        for before in 0..<index { offset += length(before) }
        return offset
    }

    private func length(_ index: Int) -> Int {
        switch index {
        case 0: Int(header.targetLength)
        case 1: Int(header.mimeLength)
        case 2: Int(header.digestsLength)
        case 3: Int(header.stateLength)
        case 4: Int(header.xattrsLength)
        default: Int(header.errorsLength)
        }
    }

    private static func unpack(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
        var items: [[UInt8]] = []
        var offset = 0
        while offset < bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            items.append(Array(bytes[(offset + 4)..<(offset + 4 + length)]))
            offset += 4 + length
        }
        return items
    }
}
