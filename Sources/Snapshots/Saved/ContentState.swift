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
    /// Digests that every entry but directories has, if all of its content is known: a bit for each index.
    private let wanted: UInt64

    init(_ options: ScanOptions) {
        maxRead = options.maxRead
        wantsTypes = options.mime
        wanted = DigestSet(options.hash).algorithms.reduce(0) { $0 | 1 << $1.index }
    }

    /// Nil if nothing is missing.
    func state(of entry: PackedEntry) -> ContentState? {
        let values = entry.values
        if values[.changed] != nil { return .changed }
        guard let kind = values[.kind], kind != UInt64(EntryKind.directory.rawValue) else { return nil }
        var missing = wanted
        if missing != 0 { entry.forEachDigest { index, _ in missing &= ~(1 << UInt64(index)) } }
        if missing == 0, !wantsTypes || kind != UInt64(EntryKind.file.rawValue) || entry.mime != nil { return nil }
        if let size = values[.size], Int64(bitPattern: size) > maxRead { return .tooLarge }
        return entry.hasErrors ? .failed : .skipped
    }
}
