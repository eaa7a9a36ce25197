// The part of a tree that one process scans.
//
//   PATH ─┬─ a ─┬─ b      cut: belongs to another part, a hole in this one
//         │     └─ c      scanned here
//         └─ d            cut
//
// PATH and `a` have holes below: they cannot complete here, and are kept as `OpenDirectory`. The merge of all parts
// completes them, the deepest first.

import LinuxKernel
import Synchronization

/// A directory by its names: where a tree is cut.
package struct CutPath: Hashable, Sendable {
    /// The number of the PATH.
    package let root: Int
    /// From the PATH downwards; one or more.
    package let names: [[UInt8]]

    package init(root: Int, names: [[UInt8]]) { (self.root, self.names) = (root, names) }
}

/// The directories that other parts scan.
struct Holes: Sendable {
    private struct Place: Hashable {
        let root: Int
        let path: [UInt8]
    }

    private var cuts: Set<Place> = []
    private var above: Set<Place> = []
    /// No directory at this level or below contains a hole.
    private var depth = 0

    init(_ cuts: [CutPath], below paths: [[UInt8]]) {
        for cut in cuts {
            var node = PathNode.root(paths[cut.root], index: cut.root)
            for name in cut.names {
                above.insert(Place(root: cut.root, path: node.path()))
                node = node.descending([name])
            }
            self.cuts.insert(Place(root: cut.root, path: node.path()))
            depth = max(depth, cut.names.count)
        }
    }

    /// Whether there is one somewhere below.
    func areBelow(_ node: PathNode) -> Bool {
        node.level < depth && above.contains(Place(root: node.root, path: node.path()))
    }

    func contain(_ name: UnsafeRawBufferPointer, in node: PathNode) -> Bool {
        node.level < depth && cuts.contains(Place(root: node.root, path: node.path(appending: Array(name))))
    }
}

/// A directory that waits for results of other parts.
struct OpenDirectory: Sendable {
    let node: PathNode
    var subtree: SubtreeAccumulator
    let facts: EntryFacts
}

/// The part-specific state of a scan.
package final class ScanPart: Sendable {
    /// Nil if there can be none: everything found is scanned.
    let holes: Holes?
    /// Whether the PATHs are scanned here, except for the holes.
    let hasTrunk: Bool
    /// Directories that are scanned here for another process's trunk.
    let borrowed: [CutPath]
    /// Used instead of holes: idle processes take work, and answer while the scan runs. The scan then completes here.
    let lender: ScanLender?
    let mounts = MountNotes()

    init(holes: Holes?, hasTrunk: Bool, borrowed: [CutPath], lender: ScanLender? = nil) {
        (self.holes, self.hasTrunk, self.borrowed, self.lender) = (holes, hasTrunk, borrowed, lender)
    }

    /// Whether open directories are completed elsewhere, later.
    var isLeftOpen: Bool { lender == nil }
}

extension WorkerLocals {
    /// Keeps a directory that cannot complete here.
    ///
    /// - Returns: the result that the directory above gets instead.
    func keepOpen(_ node: PathNode, _ subtree: SubtreeAccumulator, _ facts: EntryFacts) -> Completion {
        openDirectories.append(OpenDirectory(node: node, subtree: subtree, facts: facts))
        return Completion(subtotal: Subtotal(), content: .elsewhere)
    }
}
