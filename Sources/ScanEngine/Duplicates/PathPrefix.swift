import CLinux

/// The first bytes of a path, without a copy of them: the directory that contains it.
struct PathPrefix: Hashable, Sendable {
    private let path: [UInt8]
    let count: Int

    init(_ path: [UInt8], _ count: Int) { (self.path, self.count) = (path, count) }

    var bytes: [UInt8] { count == path.count ? path : Array(path[..<count]) }

    static func == (left: PathPrefix, right: PathPrefix) -> Bool {
        left.withBytes { left in
            right.withBytes { right in
                left.count == right.count
                    && (left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0)
            }
        }
    }

    func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }

    /// Whether the last components of two paths are the same.
    static func areNamesEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let slash = UInt8(ascii: "/")
        var (one, other) = (left.count - 1, right.count - 1)
        while one >= 0, other >= 0, left[one] == right[other] {
            if left[one] == slash { return true }
            one -= 1
            other -= 1
        }
        return (one < 0 || left[one] == slash) && (other < 0 || right[other] == slash)
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        path.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}

/// The PATHs of a search. Directories above them are not considered.
struct SearchedRoots: Sendable {
    private let paths: Set<PathPrefix>
    private let longest: Int

    init(_ roots: [[UInt8]]) {
        paths = Set(roots.lazy.map { PathPrefix($0, $0.count) })
        longest = roots.lazy.map(\.count).max() ?? 0
    }

    private func contains(_ path: PathPrefix, length: Int) -> Bool { length <= longest && paths.contains(path) }

    /// The parent directory of a path, unless that is above a PATH.
    func parent(of path: [UInt8]) -> PathPrefix? {
        if contains(PathPrefix(path, path.count), length: path.count) { return nil }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return nil }
        // A PATH that ends in a slash keeps it in the paths below.
        let withSlash = PathPrefix(path, slash + 1)
        return contains(withSlash, length: slash + 1) ? withSlash : PathPrefix(path, slash)
    }
}
