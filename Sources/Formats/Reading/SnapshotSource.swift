// A side of a comparison for diff and verify: any source of entries in the order of their keys.
//
//   saved scan ──────────────────────────────┐
//   foreign file ── reader ── EntrySorter ───┼──▶ SnapshotSource ──▶ merge join
//   live tree ───── Scan ──── EntrySorter ───┘

package import Entries
package import LinuxKernel
package import ScanEngine

/// Returns entries in the order of their keys, each key once. One user at a time.
package protocol SnapshotSource: AnyObject {
    /// The source and its fields; known before the first entry, and constant.
    var description: SnapshotDescription { get }

    /// The next entry; nil after the last one.
    func next() throws(SnapshotFailure) -> SnapshotEntry?

    /// Skips the rest of a subtree: `next()` then returns the first entry that is not in `subtree`.
    ///
    /// Call it when `subtree` was the last entry returned. A source that can seek does so; others read on.
    func skip(_ subtree: EntryKey) throws(SnapshotFailure)
}

/// A source and its fields.
package struct SnapshotDescription: Sendable {
    /// The `name` of its `SnapshotFormat`, or `live`.
    package var format: String
    /// The PATHs as given when the source was created; `[[]]` if it does not say. Then paths are shown as they are in
    /// the source.
    package var roots: [[UInt8]]
    package var fields: FieldSet
    /// The algorithms of the file digests in it.
    package var algorithms: [DigestAlgorithm]
    /// The kinds of entries that it lists at all: checksum lists contain only regular files, so a missing directory
    /// means nothing.
    package var kinds: Set<EntryKind>
    /// False for records of a scan that a signal stopped: a missing entry means nothing then.
    package var isComplete = true
    /// Times have only whole seconds, as in specifications of some mtree programs.
    package var hasWholeSeconds = false
    /// Statements that this program cannot check, by their name in the source (`sha384`, `xattr.user.a`), with the
    /// number of entries that have them.
    package var uncheckable: [String: Int64] = [:]
    /// Those of `algorithms` that the source does not name: the length of its digests suggests them.
    package var unnamedAlgorithms: Set<DigestAlgorithm> = []
    /// The totals of all PATHs, if the source has them before its entries.
    package var totals: Totals?
    /// Of a live side: the files whose digests were reused without reading.
    package var baseline: BaselineUse?
    /// Of a live side: names that rules excluded, and whose contents were not read.
    package var namesLeftOut: Int64 = 0
    /// The options of the scan, if the source keeps them: a live tree is scanned with the options of the other side.
    /// `paths` are `roots`; `threads` is 1 and must be set.
    package var options: ScanOptions?

    package init(
        format: String, roots: [[UInt8]], fields: FieldSet, algorithms: [DigestAlgorithm],
        kinds: Set<EntryKind> = Set(EntryKind.allCases)
    ) {
        self.format = format
        self.roots = roots
        self.fields = fields
        self.algorithms = algorithms
        self.kinds = kinds
    }
}

extension SnapshotDescription {
    /// - Throws: if it lists only some of the entries, so that sums over it would describe no tree.
    package func confirmWhole(_ file: [UInt8]?) throws(SnapshotFailure) {
        guard options?.selection.isEmpty ?? true else {
            throw SnapshotFailure(
                path: file, "has only selected entries (--name and the like), so it has no sums")
        }
    }
}

/// A source cannot be read, or is invalid: one line for standard error, exit status 2.
package struct SnapshotFailure: Error, Equatable {
    /// The file; nil if it is not about one.
    package var path: [UInt8]?
    /// A sentence for people, without the path. May name a place: `line 12: …`.
    package var message: String

    package init(path: [UInt8]?, _ message: String) {
        self.path = path
        self.message = message
    }

    package static func differentRoots(_ old: SnapshotDescription, _ new: SnapshotDescription) -> SnapshotFailure {
        SnapshotFailure(
            path: nil,
            "the old side has \(old.roots.count) roots, the new one \(new.roots.count): they are paired in order")
    }
}
