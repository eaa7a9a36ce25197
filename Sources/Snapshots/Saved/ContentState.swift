import Entries
import Formats
import LinuxKernel
import ScanEngine

/// Why a digest or a type is missing. Part of the evidence of an entry, and from version 2 on a column of its row.
enum ContentState: UInt8 {
    case changed = 1
    case tooLarge = 2
    case skipped = 3
    case failed = 4
}

/// Computes the state of an entry of a scan from its other fields.
struct ContentStates {
    private let maxRead: Int64
    private let wantsTypes: Bool
    /// Digests that every entry but directories has, if all of its content is known.
    private let wanted: [DigestAlgorithm]
    /// Their indices among all algorithms, as a set of bits.
    private let wantedBits: UInt64

    init(_ options: ScanOptions) {
        maxRead = options.maxRead
        wantsTypes = options.mime
        wanted = DigestSet(options.hash).algorithms
        wantedBits = wanted.reduce(0) { $0 | 1 << $1.index }
    }

    /// Nil if nothing is missing.
    func state(of entry: SnapshotEntry) -> ContentState? {
        state(
            of: entry.values, hasDigests: wanted.allSatisfy { entry.digests[$0] != nil }, hasType: entry.mime != nil,
            hasErrors: !entry.errors.isEmpty)
    }

    func state(of entry: PackedEntry) -> ContentState? {
        var missing = wantedBits
        if missing != 0 { entry.forEachDigest { index, _ in missing &= ~(1 << UInt64(index)) } }
        return state(
            of: entry.values, hasDigests: missing == 0, hasType: entry.mime != nil, hasErrors: entry.hasErrors)
    }

    private func state(
        of values: EntryValues, hasDigests: Bool, hasType: Bool, hasErrors: Bool
    ) -> ContentState? {
        if values[.changed] != nil { return .changed }
        guard let kind = values[.kind], kind != UInt64(EntryKind.directory.rawValue) else { return nil }
        if hasDigests, !wantsTypes || kind != UInt64(EntryKind.file.rawValue) || hasType { return nil }
        if let size = values[.size], Int64(bitPattern: size) > maxRead { return .tooLarge }
        return hasErrors ? .failed : .skipped
    }
}
