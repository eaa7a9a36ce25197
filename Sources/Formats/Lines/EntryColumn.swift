package import Entries

/// A column of `RecordFormat.columns`: the path, a field, or the digest of one algorithm.
public struct EntryColumn: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
        case path
        case field(EntryField)
        case digest(DigestAlgorithm)
    }

    package let content: Content
    /// The type of its field, looked up once instead of for each entry.
    let type: FieldType
    let kinds: KindSet

    private init(_ content: Content, _ type: FieldType, of kinds: KindSet = .all) {
        (self.content, self.type, self.kinds) = (content, type, kinds)
    }

    /// The column of that name; nil if there is none.
    public init?(_ name: String) {
        if name == "path" {
            self.init(.path, .path)
        } else if let algorithm = DigestAlgorithm(rawValue: name) {
            self.init(.digest(algorithm), .digests)
        } else if let field = Self.fields.first(where: { $0.name.description == name }) {
            self.init(.field(field), field.type, of: field.kinds)
        } else {
            return nil
        }
    }

    /// Digests have a column for each algorithm.
    private static let fields = EntryField.allCases.filter { $0 != .digests }

    /// In the order in which they are listed.
    public static let names = ["path"] + fields.map(\.name.description) + DigestAlgorithm.allCases.map(\.rawValue)
}

extension [EntryColumn] {
    /// The algorithms among the columns, each once.
    package var algorithms: [DigestAlgorithm] {
        reduce(into: []) { algorithms, column in
            if case .digest(let algorithm) = column.content, !algorithms.contains(algorithm) {
                algorithms.append(algorithm)
            }
        }
    }

    /// The fields among them that a scan reads only on request.
    package var asked: FieldSet {
        FieldSet(compactMap { if case .field(let field) = $0.content, field.help != nil { field } else { nil } })
    }
}
