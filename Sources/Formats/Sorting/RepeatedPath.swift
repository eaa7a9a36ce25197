import Entries
import ScanEngine

/// The meaning of several entries with one path.
package enum RepeatedPaths: Sendable {
    /// The last one replaces those before it completely.
    case lastCounts
    /// The last one counts. If it differs from one before it, the entry changed while it was listed.
    case markChanged
    /// Each adds fields that the others lack; a contradiction is an error in this file.
    case mustAgree(list: [UInt8])
}

/// The entries of one path, merged one after the other.
struct RepeatedPath {
    private(set) var entry: SnapshotEntry
    private let repeats: RepeatedPaths
    /// The line of the first entry, and the lines in which other fields first appeared.
    private let line: UInt64
    private var lines: [String: UInt64] = [:]

    /// - Parameter line: for the message if two entries contradict each other.
    init(_ entry: SnapshotEntry, line: UInt64, _ repeats: RepeatedPaths) {
        self.entry = entry
        self.line = line
        self.repeats = repeats
    }

    /// Merges the next one. Errors at the path are kept, whichever entry counts.
    mutating func add(_ other: SnapshotEntry, line: UInt64) throws(SnapshotFailure) {
        // In place, because many errors at one path must not be copied each time.
        entry.errors.append(contentsOf: other.errors)
        guard other.kind != nil || entry.kind == nil else { return }
        switch repeats {
        case .lastCounts: replace(by: other)
        case .markChanged:
            let isChanged = entry.isChanged || entry.kind != nil && !isSame(other)
            replace(by: other)
            if isChanged { entry.isChanged = true }
        case .mustAgree(let list):
            do throws(Contradiction) {
                try complete(by: other, line)
            } catch {
                throw SnapshotFailure(
                    path: list,
                    "line \(error.first) and line \(line) contradict each other: "
                        + "\(error.field) of \(Excerpt.quoted(entry.key.path))")
            }
        }
    }

    private mutating func replace(by other: SnapshotEntry) {
        var errors: [SnapshotEntryError] = []
        swap(&errors, &entry.errors)
        entry = other
        entry.errors = errors
    }

    private func isSame(_ other: SnapshotEntry) -> Bool {
        // Only entries without errors are compared: the errors of the path are already counted.
        var (one, two) = (entry, other)
        (one.errors, two.errors) = ([], [])
        (one.isChanged, two.isChanged) = (false, false)
        return one == two
    }

    // MARK: Agreement

    private struct Contradiction: Error {
        var first: UInt64
        var field: String
    }

    private mutating func complete(by other: SnapshotEntry, _ line: UInt64) throws(Contradiction) {
        for field in EntryField.comparable {
            switch field.type {
            case .path: try complete("\(field.name)", \.target, other, line)
            case .text: try complete("\(field.name)", \.mime, other, line)
            case .xattrs: try complete("\(field.name)", \.xattrs, other, line)
            case .time: try complete("\(field.name)", \.values[time: field], other, line)
            default: try complete("\(field.name)", \.values[field], other, line)
            }
        }
        for algorithm in DigestAlgorithm.allCases {
            try complete(algorithm.rawValue, \.digests[algorithm], other, line)
        }
    }

    private mutating func complete<Value: Equatable>(
        _ name: String, _ field: WritableKeyPath<SnapshotEntry, Value?>, _ other: SnapshotEntry, _ line: UInt64
    ) throws(Contradiction) {
        guard let value = other[keyPath: field] else { return }
        if let known = entry[keyPath: field] {
            guard known == value else { throw Contradiction(first: lines[name] ?? self.line, field: name) }
        } else {
            entry[keyPath: field] = value
            lines[name] = line
        }
    }
}
