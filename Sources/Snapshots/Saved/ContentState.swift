import Entries
import LinuxKernel
import ScanEngine

/// Why a digest or a type is missing. Part of the evidence of an entry, and from version 2 on a column of its row.
enum ContentState: UInt8 {
    case changed = 1
    case tooLarge = 2
    case skipped = 3
    case failed = 4
}

/// Which state an entry of a scan has: it follows from what else is known of it.
struct ContentStates {
    private let maxRead: Int64
    private let wantsTypes: Bool
    /// Digests that every entry but directories has, if all of its content is known.
    private let wanted: [DigestAlgorithm]

    init(_ options: ScanOptions) {
        maxRead = options.maxRead
        wantsTypes = options.mime
        wanted = DigestSet(options.hash).algorithms
    }

    /// Nil where all is known.
    func state(of entry: SnapshotEntry) -> ContentState? {
        if entry.isChanged { return .changed }
        guard let kind = entry.kind, kind != .directory else { return nil }
        let isKnown = wanted.allSatisfy { entry.digests[$0] != nil }
        if isKnown, !wantsTypes || kind != .file || entry.mime != nil { return nil }
        if let size = entry.size, size > maxRead { return .tooLarge }
        return entry.errors.isEmpty ? .skipped : .failed
    }
}
