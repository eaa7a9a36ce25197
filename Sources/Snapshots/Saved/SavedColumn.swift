import Entries
import ScanEngine

/// The columns of `entries`: those of the key, those of each field, and `state`.
struct SavedColumn {
    let field: EntryField
    let type: FieldType
    /// The number of the first of its columns in `names`. A time has two; digests have one for each of `algorithms`.
    let place: Int

    /// The digests that this program saves.
    static let algorithms = SavedSchema.known[SavedSchema.known.count - 1].algorithms

    /// Of all columns, in the order in which they are bound and read.
    static let names = ["scan", "root", "key"] + EntryField.kept.flatMap { names(of: $0) } + ["state"]
    static let state = names.count - 1

    static let all: [SavedColumn] = {
        var columns: [SavedColumn] = []
        var place = 3
        for field in EntryField.kept {
            columns.append(SavedColumn(field: field, type: field.type, place: place))
            place += names(of: field).count
        }
        return columns
    }()

    private static func names(of field: EntryField) -> [String] {
        switch field.type {
        case .time: [field.name.description, "\(field.name)_ns"]
        case .digests: algorithms.map(\.rawValue)
        default: [field.name.description]
        }
    }
}
