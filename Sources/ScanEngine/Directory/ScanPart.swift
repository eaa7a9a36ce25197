// Which part of a tree one process scans.
//
//   PATH ─┬─ a ─┬─ b      cut: another part's, a hole in this one
//         │     └─ c      scanned here
//         └─ d            cut
//
// PATH and `a` have holes below: they cannot complete here, and are kept as `OpenDirectory`. Whoever has all parts completes
// them, the deepest first.

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

/// What other parts answer for.
struct Holes: Sendable {
    private struct Place: Hashable {
        let root: Int
        let path: [UInt8]
    }

    private var cuts: Set<Place> = []
    private var above: Set<Place> = []
    /// No directory at this level or below has a hole in it.
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

/// A directory that waits for what other parts have.
struct OpenDirectory: Sendable {
    let node: PathNode
    var subtree: SubtreeAccumulator
    let facts: EntryFacts
}

/// What a scan that is a part of one keeps.
package final class ScanPart: Sendable {
    /// Nil where none can be: all is scanned that is met.
    let holes: Holes?
    /// Whether the PATHs are scanned here, but for the holes.
    let hasTrunk: Bool
    /// What is scanned here besides: of somebody else's trunk.
    let borrowed: [CutPath]
    /// Instead of holes: other processes take work when they have none, and answer while the scan runs. Then it completes
    /// here.
    let lender: ScanLender?
    let mounts = MountNotes()

    init(holes: Holes?, hasTrunk: Bool, borrowed: [CutPath], lender: ScanLender? = nil) {
        (self.holes, self.hasTrunk, self.borrowed, self.lender) = (holes, hasTrunk, borrowed, lender)
    }

    /// Whether directories are put together elsewhere, later.
    var isLeftOpen: Bool { lender == nil }
}

extension WorkerLocals {
    /// Keeps a directory that cannot complete here.
    ///
    /// - Returns: what the directory above gets in its place.
    func keepOpen(_ node: PathNode, _ subtree: SubtreeAccumulator, _ facts: EntryFacts) -> Completion {
        openDirectories.append(OpenDirectory(node: node, subtree: subtree, facts: facts))
        return Completion(subtotal: Subtotal(), content: .elsewhere)
    }
}
