import CLinux

/// Finds the roots that contain a path without checking each of them.
///
/// A root contains a path if it is a prefix of it, each with a slash at its end. In bytewise order, everything with a
/// certain prefix follows that prefix without a gap. So only the last root that is not greater than the path, and the
/// roots that contain that one, can contain the path.
struct RootIndex {
    private struct Node {
        /// The root with a slash at its end.
        var prefix: [UInt8]
        var root: Int
        /// The node with the longest prefix that contains this one; nil if there is none.
        var parent: Int?
        /// The smallest `root` of this node and of all above it.
        var first: Int
    }

    /// In the order of prefixes; of equal ones, the first contains the others.
    private var nodes: [Node] = []

    /// - Parameter roots: their numbers and their paths.
    init(_ roots: [(root: Int, path: [UInt8])]) {
        nodes = roots.map { Node(prefix: Self.closed($0.path), root: $0.root, parent: nil, first: $0.root) }
        nodes.sort { left, right in
            let order = Self.compare(left.prefix, right.prefix)
            return order == 0 ? left.root < right.root : order < 0
        }
        var open: [Int] = []
        for index in nodes.indices {
            while let last = open.last, !nodes[index].prefix.starts(with: nodes[last].prefix) { open.removeLast() }
            if let parent = open.last {
                nodes[index].parent = parent
                nodes[index].first = min(nodes[index].first, nodes[parent].first)
            }
            open.append(index)
        }
    }

    /// The smallest number of a root that contains the path; nil if none does.
    func first(containing path: some Collection<UInt8>) -> Int? { innermost(path).map { nodes[$0].first } }

    /// The numbers of all roots that contain the path, in ascending order.
    func all(containing path: some Collection<UInt8>) -> [Int] {
        var found: [Int] = []
        var node = innermost(path)
        while let index = node {
            found.append(nodes[index].root)
            node = nodes[index].parent
        }
        return found.sorted()
    }

    /// The node with the longest prefix of the path.
    private func innermost(_ path: some Collection<UInt8>) -> Int? {
        let path = Self.closed(Array(path))
        var (low, high) = (0, nodes.count)
        while low < high {
            let middle = (low + high) / 2
            if Self.compare(nodes[middle].prefix, path) <= 0 { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        // A root that contains the last one is a prefix of it, so the common prefix decides about all of them.
        let common = zip(nodes[low - 1].prefix, path).prefix { $0 == $1 }.count
        var node: Int? = low - 1
        while let index = node, nodes[index].prefix.count > common { node = nodes[index].parent }
        return node
    }

    private static func closed(_ path: [UInt8]) -> [UInt8] {
        path.last == UInt8(ascii: "/") ? path : path + [UInt8(ascii: "/")]
    }

    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                // Both end in a slash, so both have an address.
                let order = memcmp(left.baseAddress!, right.baseAddress!, min(left.count, right.count))
                return order == 0 ? left.count - right.count : Int(order)
            }
        }
    }
}
