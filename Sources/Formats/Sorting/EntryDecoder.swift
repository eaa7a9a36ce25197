package import Entries
import LinuxKernel
import ScanEngine

/// One entry as written by `EntryEncoder`. Valid as long as its bytes.
package struct PackedEntry {
    package let header: EntryHeader
    private let bytes: UnsafeRawBufferPointer

    package init(_ bytes: UnsafeRawBufferPointer) {
        let header = bytes.loadUnaligned(as: EntryHeader.self)
        self.header = header
        self.bytes = bytes
        let lengths = EntryHeader.lengths.reduce(0) { $0 + Int(header.values[$1] ?? 0) }
        let more = Int(header.stateLength) + Int(header.errorsLength)
        let expected = MemoryLayout<EntryHeader>.size + lengths + more
        precondition(bytes.count == expected, "an entry has the length that its header says")
    }

    /// The order given to `EntryEncoder`.
    package var order: UInt64 { UInt64(bigEndian: header.order) }
    package var target: UnsafeRawBufferPointer? { header.values[.target].map { _ in part(0) } }
    package var mime: UnsafeRawBufferPointer? { header.values[.mime].map { _ in part(1) } }
    /// (algorithm, digest)…
    package var digests: UnsafeRawBufferPointer { part(2) }
    package var state: UnsafeRawBufferPointer? { header.stateLength > 0 ? part(3) : nil }
    /// As packed by `EntryEncoder.pack`.
    package var xattrs: UnsafeRawBufferPointer? { header.values[.xattrs].map { _ in part(4) } }
    package var errors: [SnapshotEntryError] {
        if header.errorsLength == 0 { return [] }
        let items = Self.unpack(part(5))
        return stride(from: 0, to: items.count, by: 3).map { index in
            SnapshotEntryError(
                operation: String(decoding: items[index], as: UTF8.self),
                code: String(decoding: items[index + 1], as: UTF8.self),
                message: String(decoding: items[index + 2], as: UTF8.self))
        }
    }

    package func forEachDigest(_ body: (DigestAlgorithm, UnsafeRawBufferPointer) -> Void) {
        if header.values[.digests] == nil { return }
        var rest = digests
        while let index = rest.first {
            let algorithm = DigestAlgorithm.allCases[Int(index)]
            body(algorithm, UnsafeRawBufferPointer(rebasing: rest[1...algorithm.byteCount]))
            rest = UnsafeRawBufferPointer(rebasing: rest[(1 + algorithm.byteCount)...])
        }
    }

    package static func unpackAttributes(_ bytes: UnsafeRawBufferPointer) -> [ExtendedAttribute] {
        let items = unpack(bytes)
        return stride(from: 0, to: items.count - 1, by: 2).map {
            ExtendedAttribute(name: items[$0], value: items[$0 + 1])
        }
    }

    package func entry(_ key: EntryKey) -> SnapshotEntry {
        var entry = SnapshotEntry(key: key)
        entry.values = header.values
        for field in EntryHeader.lengths { entry.values[field] = nil }
        entry.target = target.map { Array($0) }
        entry.mime = mime.map { String(decoding: $0, as: UTF8.self) }
        forEachDigest { entry.digests[$0] = Array($1) }
        entry.xattrs = xattrs.map { Self.unpackAttributes($0) }
        entry.state = state.map { Array($0) }
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
        case 0: Int(header.values[.target] ?? 0)
        case 1: Int(header.values[.mime] ?? 0)
        case 2: Int(header.values[.digests] ?? 0)
        case 3: Int(header.stateLength)
        case 4: Int(header.values[.xattrs] ?? 0)
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
