import Entries

/// The properties of a field that encoders need for each entry, without reference counting in a loop over columns.
struct RecordColumn {
    let field: EntryField
    let type: FieldType
    let kinds: KindSet
    let name: StaticString
    /// Where its key is in `RecordEncoder.keys`.
    let key: Range<Int>

    /// The columns of a scan, except `kind`, with which each entry begins, and their keys.
    static func all(asked: FieldSet) -> (columns: [RecordColumn], keys: [UInt8]) {
        var (columns, keys) = ([RecordColumn](), [UInt8]())
        for field in EntryField.allCases where field != .kind {
            if field.traits.contains(.inRecordsAlone), !asked.contains(field) { continue }
            let start = keys.count
            keys += Array(",\"\(field.name)\":".utf8)
            columns.append(
                RecordColumn(
                    field: field, type: field.type, kinds: field.kinds, name: field.name, key: start..<keys.count))
        }
        return (columns, keys)
    }
}
