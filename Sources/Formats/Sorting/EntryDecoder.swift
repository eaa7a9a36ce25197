package import Entries
package import LinuxKernel
import ScanEngine

/// One entry as written by `EntryEncoder`. Valid as long as its bytes.
package struct PackedEntry {
    /// The numbers and times.
    package let values: EntryValues
    /// The order given to `EntryEncoder`.
    package let order: UInt64
    package let rules: EntryRules
    package let bytes: UnsafeRawBufferPointer
    /// Fields of variable length that the entry has.
    private let parts: FieldSet
    // Where they begin. Each ends where the next one begins.
    private let targetStart, mimeStart, digestsStart, stateStart, xattrsStart, errorsStart: Int

    package init(_ bytes: UnsafeRawBufferPointer) {
        let header = bytes.loadUnaligned(as: EntryHeader.self)
        self.bytes = bytes
        order = UInt64(bigEndian: header.order)
        rules = EntryRules(rawValue: header.rules)
        var values = header.values
        parts = FieldSet(bits: values.bits)
        // Unknown values are 0, so a missing part has no length.
        targetStart = MemoryLayout<EntryHeader>.size
        mimeStart = targetStart + Int(truncatingIfNeeded: values.words[EntryField.target.index])
        digestsStart = mimeStart + Int(truncatingIfNeeded: values.words[EntryField.mime.index])
        stateStart = digestsStart + Int(truncatingIfNeeded: values.words[EntryField.digests.index])
        xattrsStart = stateStart + Int(header.stateLength)
        errorsStart = xattrsStart + Int(truncatingIfNeeded: values.words[EntryField.xattrs.index])
        values.words[EntryField.target.index] = 0
        values.words[EntryField.mime.index] = 0
        values.words[EntryField.digests.index] = 0
        values.words[EntryField.xattrs.index] = 0
        values.bits &= ~Self.lengthBits
        self.values = values
        let end = errorsStart + Int(header.errorsLength)
        precondition(bytes.count == end, "an entry has the length that its header says")
    }

    /// `EntryHeader.lengths`.
    private static var lengthBits: UInt32 {
        EntryField.target.bit | EntryField.mime.bit | EntryField.digests.bit | EntryField.xattrs.bit
    }

    package var kind: EntryKind? {
        values.bits & EntryField.kind.bit == 0
            ? nil : EntryKind(rawValue: UInt8(truncatingIfNeeded: values.words[EntryField.kind.index]))
    }
    package var target: UnsafeRawBufferPointer? { parts.contains(.target) ? part(targetStart, mimeStart) : nil }
    package var mime: UnsafeRawBufferPointer? { parts.contains(.mime) ? part(mimeStart, digestsStart) : nil }
    /// (`DigestAlgorithm.index`, digest)…
    package var digests: UnsafeRawBufferPointer { part(digestsStart, stateStart) }
    package var state: UnsafeRawBufferPointer? { xattrsStart > stateStart ? part(stateStart, xattrsStart) : nil }
    /// As packed by `EntryEncoder`: the length of each name and value, 4 bytes, before it.
    package var xattrs: UnsafeRawBufferPointer? { parts.contains(.xattrs) ? part(xattrsStart, errorsStart) : nil }
    package var hasErrors: Bool { errorsStart < bytes.count }
    /// The same without looking at the rest.
    package static func hasErrors(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.loadUnaligned(fromByteOffset: errorsLengthOffset, as: UInt32.self) > 0
    }
    private static let errorsLengthOffset = MemoryLayout<EntryHeader>.offset(of: \.errorsLength).unsafelyUnwrapped
    package var errors: [SnapshotEntryError] {
        if !hasErrors { return [] }
        let items = Self.unpack(part(errorsStart, bytes.count))
        return stride(from: 0, to: items.count, by: 3).map { index in
            SnapshotEntryError(
                operation: String(decoding: items[index], as: UTF8.self),
                code: String(decoding: items[index + 1], as: UTF8.self),
                message: String(decoding: items[index + 2], as: UTF8.self))
        }
    }

    /// - Parameter body: gets the index of each algorithm in `DigestAlgorithm.allCases`, and the digest.
    package func forEachDigest<Failure: Error>(
        _ body: (_ index: Int, UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var place = digestsStart
        while place < stateStart {
            let index = Int(bytes[place])
            let end = place + 1 + DigestAlgorithm.byteCounts[index]
            try body(index, part(place + 1, end))
            place = end
        }
    }

    package static func unpackAttributes(_ bytes: UnsafeRawBufferPointer) -> [ExtendedAttribute] {
        let items = unpack(bytes)
        return stride(from: 0, to: items.count - 1, by: 2).map {
            ExtendedAttribute(name: items[$0], value: items[$0 + 1])
        }
    }

    package func entry(_ key: EntryKey) -> SnapshotEntry {
        // A closure that captured the entry would make the compiler copy all of it.
        var digests = EntryDigests()
        forEachDigest { digests[DigestAlgorithm.allCases[$0]] = Array($1) }
        var entry = SnapshotEntry(key: key)
        entry.values = values
        entry.digests = digests
        entry.target = target.map { Array($0) }
        entry.mime = mime.map { String(decoding: $0, as: UTF8.self) }
        entry.xattrs = xattrs.map { Self.unpackAttributes($0) }
        entry.state = state.map { Array($0) }
        entry.rules = rules
        entry.errors = errors
        return entry
    }

    private func part(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    private static func unpack(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
        var items: [[UInt8]] = []
        forEachPart(of: bytes) { items.append(Array($0)) }
        return items
    }

    /// Goes through a packed list: names and values of attributes in turn.
    package static func forEachPart(of list: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var offset = 0
        while offset < list.count {
            let end = offset + 4 + Int(list.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            body(UnsafeRawBufferPointer(rebasing: list[(offset + 4)..<end]))
            offset = end
        }
    }
}
