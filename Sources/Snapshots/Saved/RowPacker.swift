import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine

/// Packs the rows of a saved scan as a scan packs its entries, so that equal entries are the same bytes.
struct RowPacker: ~Copyable {
    /// The bytes of the `EntryKey` of the last row.
    private(set) var key = ByteBuffer(capacity: 4096)
    /// The last row, without errors.
    var entry = EntryEncoder()
    /// From version 2 on: why content of the last row is missing.
    private(set) var state: Int64?

    private let columns: SavedColumns
    /// Those with numbers and marks: the index of the field, the place of its column, and the largest value.
    private let numbers: [(index: Int, place: Int, largest: UInt64)]
    /// The same for times, which have a second column.
    private let times: [(index: Int, place: Int)]
    private let (target, mime, xattrs): (Int, Int, Int)
    private let digests: [(index: UInt8, byteCount: Int, place: Int)]
    private let rootCount: Int
    private let sharesRows: Bool
    private let attributes: Statement
    private let path: [UInt8]
    private var packedDigests = ByteBuffer(capacity: 256)
    /// Neighbours often have the same list.
    private var lastList: (number: Int64, packed: [UInt8]) = (0, [])

    init(_ file: SavedScans, _ scan: SavedScan, _ columns: SavedColumns) throws(DatabaseError) {
        self.columns = columns
        path = file.path
        rootCount = scan.options.paths.count
        sharesRows = file.schema.sharesRows
        numbers = columns.fields.compactMap { column in
            let largest = column.type == .mark ? 1 : column.type.largest
            return largest.map { (column.field.index, column.place, $0) }
        }
        times = columns.fields.filter { $0.type == .time }.map { ($0.field.index, $0.place) }
        (target, mime, xattrs) = (
            columns.place(of: .target), columns.place(of: .mime), columns.place(of: .xattrs)
        )
        // In the order in which a scan packs them; then those that this scan does not have.
        let order = DigestSet(scan.options.hash).algorithms
        let rest = columns.digests.map(\.algorithm).filter { !order.contains($0) }
        digests = (order + rest).compactMap { algorithm in
            let column = columns.digests.first { $0.algorithm == algorithm }
            return column.map { (algorithm.index, algorithm.byteCount, $0.place) }
        }
        if sharesRows {
            attributes = try file.database.prepare("SELECT name, value FROM attributes WHERE list = ? ORDER BY name")
        } else {
            attributes = try file.database.prepare(
                "SELECT name, value FROM xattrs WHERE scan = ?1 AND root = ?2 AND key = ?3 ORDER BY name")
            attributes.bind(0, scan.id)
        }
    }

    /// - Parameters:
    ///   - row: with the columns of `SavedColumns`.
    ///   - place: of the row.
    mutating func pack(_ row: Statement, _ place: StoredPlace) throws(SnapshotFailure) {
        key.removeAll()
        entry.buffer.removeAll()
        let isKey = place.key.withUnsafeBytes { StoredKey.decode(place.root, $0, to: &key) }
        guard isKey, place.root < rootCount else { throw damaged("an invalid key") }
        let values = try values(row)
        packedDigests.removeAll()
        for (index, byteCount, place) in digests {
            guard let digest = row.borrowedBlob(place) else { continue }
            guard digest.count == byteCount else { throw damaged("a digest of a wrong length") }
            packedDigests.append(index)
            packedDigests.append(digest)
        }
        let mime = row.borrowedBlob(mime)
        if let mime, !MIMEType.isOne(mime) { throw damaged("an invalid MIME type") }
        var state: UnsafeRawBufferPointer?
        if sharesRows { self.state = row.integer(columns.state) } else { state = row.borrowedBlob(columns.state) }
        let target = row.borrowedBlob(target)
        guard let number = row.integer(xattrs) else {
            return entry.append(
                values, target: target, mime: mime, digests: packedDigests.bytes, state: state, xattrs: nil)
        }
        let list = try list(number, place)
        list.withUnsafeBytes { list in
            entry.append(
                values, target: target, mime: mime, digests: packedDigests.bytes, state: state,
                xattrs: UnsafeRawBufferPointer(list))
        }
    }

    /// Whether an entry comes before the last row.
    func isBehind(_ other: EntryKey) -> Bool { other.bytes.withUnsafeBytes { $0.precedes(key.bytes) } }

    func isAt(_ other: EntryKey) -> Bool { other.bytes.withUnsafeBytes { $0.isEqual(to: key.bytes) } }

    func isIn(_ subtree: EntryKey) -> Bool { subtree.contains(EntryKey(bytes: Array(key.bytes))) }

    private func values(_ row: Statement) throws(SnapshotFailure) -> EntryValues {
        var values = EntryValues()
        for (index, place, largest) in numbers {
            // Unsigned numbers are stored with the same bits.
            guard let number = row.integer(place).map({ UInt64(bitPattern: $0) }) else { continue }
            guard number <= largest else { throw damaged("an impossible number") }
            values.words[index] = number
            values.bits |= 1 << UInt32(truncatingIfNeeded: index)
        }
        for (index, place) in times {
            guard let seconds = row.integer(place), let nanoseconds = row.integer(place + 1) else {
                guard row.isNull(place), row.isNull(place + 1) else { throw damaged("half of a time") }
                continue
            }
            guard (0..<1_000_000_000).contains(nanoseconds) else { throw damaged("an impossible number") }
            values.words[index] = UInt64(bitPattern: seconds)
            values.nanoseconds[index - EntryField.mtime.index] = UInt32(truncatingIfNeeded: nanoseconds)
            values.bits |= 1 << UInt32(truncatingIfNeeded: index)
        }
        guard values[.kind] != nil else { throw damaged("an entry without a kind") }
        if values[.changed] == 0 { throw damaged("an impossible number") }
        if sharesRows, row.integer(columns.state) == Int64(ContentState.changed.rawValue) { values[.changed] = 1 }
        return values
    }

    /// A packed list of attributes.
    ///
    /// - Parameter number: from version 2 on, the number of the list, 0 for an empty one; before, the count of
    ///   attributes.
    private mutating func list(_ number: Int64, _ place: StoredPlace) throws(SnapshotFailure) -> [UInt8] {
        if number == 0 { return [] }
        if sharesRows, lastList.number == number { return lastList.packed }
        attributes.reset()
        if sharesRows {
            attributes.bind(0, number)
        } else {
            attributes.bind(1, place.root)
            attributes.bind(2, blob: place.key)
        }
        defer { attributes.reset() }
        var list: [ExtendedAttribute] = []
        while try isAtAttribute() {
            let name = attributes.blob(0) ?? []
            guard list.last.map({ $0.name.lexicographicallyPrecedes(name) }) ?? true else {
                throw damaged("extended attributes are out of order")
            }
            list.append(ExtendedAttribute(name: name, value: attributes.blob(1) ?? []))
        }
        guard sharesRows ? !list.isEmpty : Int64(list.count) == number else {
            throw damaged("extended attributes are missing")
        }
        lastList = (number, EntryEncoder.pack(list))
        return lastList.packed
    }

    private func isAtAttribute() throws(SnapshotFailure) -> Bool {
        do throws(DatabaseError) {
            return try attributes.step()
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }

    private func damaged(_ what: String) -> SnapshotFailure { SnapshotFailure(path: path, "is damaged: \(what)") }
}
