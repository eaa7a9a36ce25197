import Bytes
import Entries

/// The properties of a field that encoders need for each entry, without reference counting in a loop over columns.
struct RecordColumn {
    let field: EntryField
    let type: FieldType
    let kinds: KindSet
    let name: StaticString
    /// `,"name":`, its key in JSON after another member.
    let key: ShortText

    /// The columns of a scan, except `kind`, with which each entry begins.
    static func all(asked: FieldSet) -> [RecordColumn] {
        EntryField.allCases.filter { field in
            field != .kind && (!field.traits.contains(.inRecordsAlone) || asked.contains(field))
        }.map { field in
            RecordColumn(
                field: field, type: field.type, kinds: field.kinds, name: field.name,
                key: ShortText(",\"\(field.name)\":"))
        }
    }
}
