import Entries
import ScanEngine

/// Maps the paths of a list into the roots of the other side of a comparison.
///
/// A list does not contain roots. If its first path lies in a root of the other side, the list was written from outside
/// (`/usr/bin/env`, root `/usr`), and all paths are taken relative to the roots that contain them. Otherwise it was
/// written from inside (`bin/env`, `./bin/env`), and paths are relative to the first root.
struct ForeignPaths {
    private let roots: [[UInt8]]
    /// The length of each root, written as `normal` does.
    private let lengths: [Int]
    private let index: RootIndex
    private var isFromOutside: Bool?

    init(otherRoots: [[UInt8]]) {
        roots = otherRoots
        let normal = otherRoots.map { Array(Self.normal($0)) }
        lengths = normal.map(\.count)
        // A root `.` contains all relative paths, which is the case "from inside".
        index = RootIndex(
            normal.enumerated().filter { !$0.element.isEmpty }.map { (root: $0.offset, path: $0.element) })
    }

    /// The value for `SnapshotDescription.roots`.
    var descriptionRoots: [[UInt8]] { isFromOutside == true ? roots : [[]] }

    mutating func key(_ path: some Collection<UInt8>) -> EntryKey {
        let path = Self.normal(path)
        let root = index.first(containing: path)
        if isFromOutside == nil { isFromOutside = root != nil }
        if isFromOutside == true, let root {
            return EntryKey(root: root, path: Self.withoutSlash(path.dropFirst(lengths[root])))
        }
        return EntryKey(root: 0, path: Self.withoutSlash(path))
    }

    private static func withoutSlash(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        path.first == UInt8(ascii: "/") ? path.dropFirst() : path
    }

    /// Without empty components and `.`; a leading slash stays.
    private static func normal(_ path: some Collection<UInt8>) -> ArraySlice<UInt8> {
        let slash = UInt8(ascii: "/")
        var normal: [UInt8] = path.first == slash ? [slash] : []
        for component in path.split(separator: slash) where !component.elementsEqual([UInt8(ascii: ".")]) {
            if let last = normal.last, last != slash { normal.append(slash) }
            normal.append(contentsOf: component)
        }
        return normal[...]
    }
}
