import Entries
import ScanEngine

/// A field of entries, in rows.
struct SavedColumn {
    let field: EntryField
    let type: FieldType
    /// The number of the first of its columns in `SavedColumns.names`. A time has two.
    let place: Int
}

/// The columns of `entries` and `history`, in the order in which they are bound and read.
///
/// A column that the file's version lacks is read as NULL, and not written.
struct SavedColumns {
    /// `root`, `key`, those of the fields, `state`, the digests, `since` and `until`.
    let names: [String]
    /// All fields except digests.
    let fields: [SavedColumn]
    let state: Int
    /// The algorithms that this program knows.
    let digests: [(algorithm: DigestAlgorithm, place: Int)]
    /// The same by `DigestAlgorithm.index`.
    let digestPlaces: [Int?]
    /// From version 2 on.
    let since: Int
    let until: Int

    static let root = 0
    static let key = 1

    /// By name, because versions may have another order.
    init(_ schema: SavedSchema) {
        var names = ["root", "key"]
        var fields: [SavedColumn] = []
        // In version 2, `state` has it.
        for field in EntryField.kept where field.type != .digests && !(schema.sharesRows && field == .changed) {
            fields.append(SavedColumn(field: field, type: field.type, place: names.count))
            names.append(field.name.description)
            if field.type == .time { names.append("\(field.name)_ns") }
        }
        state = names.count
        names.append("state")
        let digests = schema.algorithms.enumerated().map { [count = names.count] in ($1, count + $0) }
        digestPlaces = DigestAlgorithm.allCases.map { algorithm in digests.first { $0.0 == algorithm }?.1 }
        self.digests = digests.map { (algorithm: $0.0, place: $0.1) }
        names += schema.algorithms.map(\.rawValue)
        (since, until) = (names.count, names.count + 1)
        self.fields = fields
        self.names = names
    }

    func place(of field: EntryField) -> Int {
        guard let column = fields.first(where: { $0.field == field }) else {
            preconditionFailure("\(field.name) is a column of every version")
        }
        return column.place
    }
}
