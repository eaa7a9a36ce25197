import Glibc
import LinuxKernel

/// PATHs inside other PATHs. Each is scanned on its own, so shared contents are counted more than once, which deserves
/// a warning.
///
/// By name, with symlinks resolved; a directory that is mounted at two places is not detected. Costs a `realpath(3)`
/// for each distinct parent directory, and a sort.
struct Overlaps {
    /// Indices of PATHs: `inner` lies in `outer`, or is the same. In the order of `inner`.
    private(set) var pairs: [(outer: Int, inner: Int, isSame: Bool)] = []

    /// - Parameter areFollowed: PATHs that are symlinks are followed.
    init(_ paths: [[UInt8]], areFollowed: Bool = false) {
        guard paths.count > 1 else { return }
        var parents = ResolvedParents(areFollowed: areFollowed)
        var places = paths.indices.compactMap { index in parents.resolve(paths[index]).map { (path: $0, index: index) }
        }
        // Each resolved path ends in a slash, so everything inside it has it as a prefix and follows it directly.
        places.sort { left, right in
            left.path == right.path ? left.index < right.index : left.path.lexicographicallyPrecedes(right.path)
        }
        var enclosing: [(path: [UInt8], index: Int)] = []
        for place in places {
            while let last = enclosing.last, !place.path.starts(with: last.path) { enclosing.removeLast() }
            if let last = enclosing.last { pairs.append((last.index, place.index, last.path == place.path)) }
            enclosing.append(place)
        }
        pairs.sort { $0.inner < $1.inner }
    }
}

/// Resolves paths, caching the last parent: lists made by find name many entries of one directory in a row.
private struct ResolvedParents {
    let areFollowed: Bool
    private var parent: [UInt8] = []
    private var resolvedParent: [UInt8]?

    init(areFollowed: Bool) { self.areFollowed = areFollowed }

    /// An absolute path without symlinks before its last component, ending in a slash; nil if there is none.
    mutating func resolve(_ path: [UInt8]) -> [UInt8]? {
        let slash = UInt8(ascii: "/")
        let cut = path.lastIndex(of: slash).map { $0 + 1 } ?? 0
        let name = Array(path[cut...])
        // With a trailing slash a symlink is followed; `.` and `..` are not names in their parent.
        if name.isEmpty || name == [0x2E] || name == [0x2E, 0x2E] { return path.isEmpty ? nil : Self.realPath(path) }
        if areFollowed, let target = Self.realPath(path) { return target }
        let directory = cut == 0 ? [0x2E] : Array(path[..<cut])
        if directory != parent {
            parent = directory
            resolvedParent = Self.realPath(directory)
        }
        return resolvedParent.map { $0 + name + [slash] }
    }

    private static func realPath(_ path: [UInt8]) -> [UInt8]? {
        guard let result = withCString(path, { realpath($0, nil) }) else { return nil }
        defer { free(result) }
        let bytes = UnsafeRawBufferPointer(start: result, count: strlen(result))
        return bytes.last == UInt8(ascii: "/") ? Array(bytes) : Array(bytes) + [UInt8(ascii: "/")]
    }
}
