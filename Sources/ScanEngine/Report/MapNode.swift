import Entries
package import LinuxKernel

extension MapRequest {
    /// The deepest level of directories; -1 if there is no map.
    var deepestLevel: Int { length > 0 ? depth : -1 }

    /// Whether it contains the largest directories, so that their list is not needed.
    func replacesDirectories(_ ranking: Ranking) -> Bool { length > 0 && !hasFiles && !ranking.isByTime }

    func makeList(_ ranking: Ranking) -> LargestList {
        if hasFiles { return LargestList(length: length, by: .disk, of: .all) }
        return LargestList(length: length, by: ranking.isByTime ? .disk : ranking, of: .directories)
    }
}

/// A file or directory that is large enough for a map of the tree.
///
/// The N largest are kept, in the same kind of list as the largest files. A directory is at least as large as its
/// contents, and its path sorts first on ties. So for anything in the list, the directories above it are in the list,
/// too, before it.
package struct MapNode: Sendable {
    /// The index of its directory; nil for a PATH.
    package var parent: Int?
    /// The last component; for a PATH all of it.
    package var name: [UInt8]
    package var isDirectory: Bool
    /// A file with several names: it counts once in each directory above.
    package var isLinked: Bool
    package var entries: Int64
    package var apparentBytes: Int64
    package var diskBytes: Int64
    /// Of the directory itself, without its contents.
    package var ownBytes: Int64
    /// The mtime; of a directory the latest at or below it.
    package var lastChange: FileTime?
    package var uid: UInt32
    /// One row of the scan's `DigestSet`; nil if they are not known, or none are requested.
    package var digests: [UInt8]?

    /// The limit for a page.
    package static let limit = 16_000

    static func nodes(_ items: [LargestList.Item]) -> [MapNode] {
        var numbers: [ObjectIdentifier: Int] = [:]
        var nodes: [MapNode] = []
        for item in items {
            let directory = item.path.directory
            let above = item.path.name == nil ? directory.parent : directory
            let parent = above.flatMap { numbers[$0.identifier] }
            // In a stopped scan the directories above may not have been counted.
            if above != nil, parent == nil { continue }
            if item.facts.isDirectory { numbers[directory.identifier] = nodes.count }
            let (sizes, facts) = (item.sizes, item.facts)
            nodes.append(
                MapNode(
                    parent: parent, name: item.path.name ?? directory.name, isDirectory: facts.isDirectory,
                    isLinked: facts.isLinked, entries: sizes.entries, apparentBytes: sizes.apparentBytes,
                    diskBytes: sizes.diskBytes, ownBytes: facts.ownBytes,
                    lastChange: sizes.lastChange == .distantPast ? nil : sizes.lastChange, uid: facts.uid,
                    digests: facts.digests))
        }
        return nodes
    }
}
