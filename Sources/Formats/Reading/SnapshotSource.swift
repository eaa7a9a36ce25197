// What diff and verify compare: anything that gives entries in the order of their keys.
//
//   saved scan ──────────────────────────────┐
//   foreign file ── reader ── EntrySorter ───┼──▶ SnapshotSource ──▶ merge join
//   live tree ───── Scan ──── EntrySorter ───┘

package import Entries
package import LinuxKernel
package import ScanEngine

/// Gives out entries in the order of their keys, each key once. One user at a time.
package protocol SnapshotSource: AnyObject {
    /// What the source is and carries; known before the first entry, and the same to the end.
    var description: SnapshotDescription { get }

    /// The next entry; nil behind the last one.
    func next() throws(SnapshotFailure) -> SnapshotEntry?

    /// Passes over the rest of a subtree: `next()` then gives the first entry that is not in `subtree`.
    ///
    /// To be called when `subtree` was the last entry given out. A source that can seek does; others read on.
    func skip(_ subtree: EntryKey) throws(SnapshotFailure)
}

/// What a source is and carries.
package struct SnapshotDescription: Sendable {
    /// The `name` of its `SnapshotFormat`, or `live`.
    package var format: String
    /// The PATHs as they were given when the source was made; `[[]]` where it does not say, and then paths are shown as
    /// they are in the source.
    package var roots: [[UInt8]]
    package var fields: FieldSet
    /// The algorithms whose digests it carries for files.
    package var algorithms: [DigestAlgorithm]
    /// The kinds that it lists at all: checksum lists know regular files only, and that a directory is missing there says
    /// nothing.
    package var kinds: Set<EntryKind>
    /// False for records of a scan that a signal stopped: what is missing there says nothing.
    package var isComplete = true
    /// Times are known to the second only, as in specs that some mtree programs write.
    package var hasWholeSeconds = false
    /// What the source states and this program cannot check, by the name that the source gives it (`sha384`,
    /// `xattr.user.a`), with the number of entries that state it.
    package var uncheckable: [String: Int64] = [:]
    /// Of `algorithms` those that the source does not name: the length of its digests says that they may be of these.
    package var unnamedAlgorithms: Set<DigestAlgorithm> = []
    /// What all PATHs come to, where the source says that in front of its entries.
    package var totals: Totals?
    /// Of a live side: what was taken over from a saved scan without being read.
    package var baseline: BaselineUse?
    /// Of a live side: names that rules left out, and that were not looked into.
    package var namesLeftOut: Int64 = 0
    /// The options of the scan, where the source keeps them: a live tree is scanned with the options of the other side.
    /// `paths` are `roots`; `threads` is 1 and to be set.
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
    /// - Throws: where it lists some entries alone, so that sums of it would be those of no tree.
    package func confirmWhole(_ file: [UInt8]?) throws(SnapshotFailure) {
        guard options?.selection.isEmpty ?? true else {
            throw SnapshotFailure(
                path: file, "has what was selected alone (--name and the like): there are no sums of it")
        }
    }
}

/// A source cannot be read, or is not what it seems: one line for standard error, exit status 2.
package struct SnapshotFailure: Error, Equatable {
    /// The file; nil where it is not about one.
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
            "the old side has \(old.roots.count) roots, the new one \(new.roots.count): they pair by their order")
    }
}
