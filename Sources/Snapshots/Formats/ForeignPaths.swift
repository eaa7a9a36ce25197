import ScanEngine

/// Brings the paths of a list into the roots of what it is compared with.
///
/// A list says nothing of roots. If its first path lies in a root of the other side, the list was written from outside
/// (`/usr/bin/env`, root `/usr`), and all paths are taken relative to the roots that they lie in. Otherwise it was written
/// from inside (`bin/env`, `./bin/env`), and paths are relative to the first root.
struct ForeignPaths {
    private let roots: [[UInt8]]
    private var isFromOutside: Bool?

    init(otherRoots: [[UInt8]]) { roots = otherRoots }

    /// What `SnapshotDescription.roots` is.
    var descriptionRoots: [[UInt8]] { isFromOutside == true ? roots : [[]] }

    mutating func key(_ path: some Collection<UInt8>) -> EntryKey {
        let path = Self.normal(path)
        var inside: (root: Int, rest: ArraySlice<UInt8>)?
        for index in roots.indices where inside == nil {
            if let rest = Self.rest(of: path, in: Self.normal(roots[index])) { inside = (index, rest) }
        }
        if isFromOutside == nil { isFromOutside = inside != nil }
        if isFromOutside == true, let inside { return EntryKey(root: inside.root, path: inside.rest) }
        return EntryKey(root: 0, path: path.first == UInt8(ascii: "/") ? path.dropFirst() : path)
    }

    /// Without empty components and `.`; a slash in front stays.
    private static func normal(_ path: some Collection<UInt8>) -> ArraySlice<UInt8> {
        let slash = UInt8(ascii: "/")
        var normal: [UInt8] = path.first == slash ? [slash] : []
        for component in path.split(separator: slash) where !component.elementsEqual([UInt8(ascii: ".")]) {
            if let last = normal.last, last != slash { normal.append(slash) }
            normal.append(contentsOf: component)
        }
        return normal[...]
    }

    private static func rest(of path: ArraySlice<UInt8>, in root: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        // A root `.` contains what is relative: that is what "from inside" is about.
        guard !root.isEmpty, path.starts(with: root) else { return nil }
        let rest = path.dropFirst(root.count)
        if rest.isEmpty || root.last == UInt8(ascii: "/") { return rest }
        return rest.first == UInt8(ascii: "/") ? rest.dropFirst() : nil
    }
}
