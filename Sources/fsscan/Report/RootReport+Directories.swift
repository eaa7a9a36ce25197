import ScanEngine

extension RootReport {
    /// Calls `body` with each directory of the report's tree, after its subdirectories, which come in the order of
    /// their names; for a PATH that is not a directory, or has no tree, with the PATH. Nothing for a missing one.
    ///
    /// With a stack, because the depth of a file tree is unbounded.
    ///
    /// - Parameter body: gets the path, as `find PATH` prints it, and the levels above it up to the PATH.
    func forEachDirectory<Failure: Error>(
        _ body: (_ path: [UInt8], _ level: Int, _ totals: Totals) throws(Failure) -> Void
    ) throws(Failure) {
        guard totals.entries > 0 else { return }
        guard let tree else { return try body(path, 0, totals) }
        var path = path
        var open: [(node: TreeNode, length: Int, next: Int)] = [(tree, path.count, 0)]
        while let last = open.last {
            if let children = last.node.children, last.next < children.count {
                open[open.count - 1].next += 1
                let child = children[last.next]
                // A PATH that ends in a slash gets no second one.
                if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
                path += child.name
                open.append((child, path.count, 0))
            } else {
                try body(path, open.count - 1, last.node.totals)
                open.removeLast()
                if let above = open.last { path.removeSubrange(above.length...) }
            }
        }
    }
}
