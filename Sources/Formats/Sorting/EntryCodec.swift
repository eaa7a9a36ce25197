package import Bytes
package import Entries
import LinuxKernel
import ScanEngine

/// Entries as bytes inside one process: in batches on their way to a database, and in sorted runs.
///
/// Without holes between its fields, because its bytes are compared and written to files, and a hole has arbitrary
/// bytes.
///
/// ```
///  EntryHeader │ target │ mime │ digests: (algorithm, bytes)… │ state │ xattrs │ errors        lengths are in the header
/// ```
package struct EntryHeader: BitwiseCopyable {
    /// Big-endian, and first: entries of one path compare by it. See `EntrySorter`.
    var order: UInt64 = 0
    /// With the lengths of the target, MIME type, digests and extended attributes.
    package var values = EntryValues()
    var stateLength: UInt32 = 0
    var errorsLength: UInt32 = 0
    /// `EntryRules.rawValue`.
    var rules: UInt8 = 0

    /// The fields whose length is in `values`.
    static let lengths: [EntryField] = [.target, .mime, .digests, .xattrs]
}

/// Writes entries as bytes: one for each stream.
package struct EntryEncoder: ~Copyable {
    package var buffer = ByteBuffer(capacity: 4096)
    private let digests: DigestSet
    /// The indices of `digests`.
    private let indices: [UInt8]

    /// - Parameter digests: the algorithms in the rows of `EntryContent`.
    init(digests: DigestSet) {
        self.digests = digests
        indices = digests.algorithms.map(\.index)
    }

    /// For entries of any source.
    package init() { self.init(digests: DigestSet([DigestAlgorithm]())) }

    mutating func append(_ kind: EntryKind, _ status: borrowing FileStatus, _ content: EntryContent) {
        var header = EntryHeader()
        header.values = EntryValues(kind, status)
        if content.isChanged { header.values[.changed] = 1 }
        let target = kind == .symlink ? content.target : nil
        let mime = kind == .file ? content.mime : nil
        let row = digests.isEmpty ? nil : content.digests
        let xattrs = content.xattrs.map { Self.pack($0) }
        header.values[.target] = Self.length(target?.count)
        header.values[.mime] = Self.length(mime?.utf8.count)
        header.values[.digests] = row == nil ? nil : Self.length(digests.rowBytes + digests.algorithms.count)
        header.values[.xattrs] = Self.length(xattrs?.count)
        if let state = content.state { header.stateLength = UInt32(state.count) }
        append(header)
        if let target { buffer.append(target) }
        if let mime { buffer.append(mime) }
        if let row { append(row) }
        if let state = content.state { buffer.append(state) }
        if let xattrs { buffer.append(xattrs) }
    }

    private static func length(_ count: Int?) -> UInt64? { count.map { UInt64($0) } }

    private mutating func append(_ row: [UInt8]) {
        precondition(row.count == digests.rowBytes, "a digest row has the length that its set prescribes")
        var offset = 0
        for (algorithm, index) in zip(digests.algorithms, indices) {
            buffer.append(index)
            row.withUnsafeBytes {
                buffer.append(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + algorithm.byteCount]))
            }
            offset += algorithm.byteCount
        }
    }

    /// A name that could not be stat'ed.
    mutating func append(unknown kind: EntryKind) {
        var header = EntryHeader()
        header.values[.kind] = UInt64(kind.rawValue)
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

    package mutating func append(_ entry: SnapshotEntry, order: UInt64 = 0) {
        var header = EntryHeader()
        header.order = order.bigEndian
        header.values = entry.values
        let xattrs = entry.xattrs.map { Self.pack($0) }
        let digestsLength = entry.digests.items.reduce(0) { $0 + 1 + $1.digest.count }
        header.values[.target] = Self.length(entry.target?.count)
        header.values[.mime] = Self.length(entry.mime?.utf8.count)
        header.values[.digests] = digestsLength == 0 ? nil : Self.length(digestsLength)
        header.values[.xattrs] = Self.length(xattrs?.count)
        let errors = Self.pack(entry.errors)
        header.errorsLength = UInt32(errors.count)
        header.stateLength = UInt32(entry.state?.count ?? 0)
        header.rules = entry.rules.rawValue
        append(header)
        if let target = entry.target { buffer.append(target) }
        if let mime = entry.mime { buffer.append(mime) }
        if digestsLength > 0 {
            for (index, algorithm) in DigestAlgorithm.allCases.enumerated() {
                guard let digest = entry.digests[algorithm] else { continue }
                precondition(digest.count == algorithm.byteCount, "a digest has the length of its algorithm")
                buffer.append(UInt8(index))
                buffer.append(digest)
            }
        }
        if let state = entry.state { buffer.append(state) }
        if let xattrs { buffer.append(xattrs) }
        buffer.append(errors)
    }

    /// From parts as `PackedEntry` has them. Nil: not known.
    package mutating func append(
        _ values: EntryValues, target: UnsafeRawBufferPointer?, mime: UnsafeRawBufferPointer?,
        digests: UnsafeRawBufferPointer, state: UnsafeRawBufferPointer?, xattrs: UnsafeRawBufferPointer?
    ) {
        var header = EntryHeader()
        header.values = values
        header.values[.target] = Self.length(target?.count)
        header.values[.mime] = Self.length(mime?.count)
        header.values[.digests] = digests.isEmpty ? nil : Self.length(digests.count)
        header.values[.xattrs] = Self.length(xattrs?.count)
        header.stateLength = UInt32(state?.count ?? 0)
        append(header)
        if let target { buffer.append(target) }
        if let mime { buffer.append(mime) }
        buffer.append(digests)
        if let state { buffer.append(state) }
        if let xattrs { buffer.append(xattrs) }
    }

    private mutating func append(_ header: EntryHeader) {
        withUnsafeBytes(of: header) { buffer.append($0) }
    }

    // MARK: Lists, each item as length and bytes

    package static func pack(_ xattrs: [ExtendedAttribute]) -> [UInt8] { pack(xattrs.flatMap { [$0.name, $0.value] }) }

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
    /// Its index among all cases.
    package var index: UInt8 { UInt8(Self.allCases.firstIndex(of: self).unsafelyUnwrapped) }

    /// `byteCount` by index.
    static let byteCounts = allCases.map(\.byteCount)
}
