/// The paths of a file, in the order of their bytes. Nearly all files have one, which needs no array of its own: that
/// saves an allocation for each file, and a look at memory that is not cached.
package struct FilePaths: RandomAccessCollection, ExpressibleByArrayLiteral, Sendable {
    private let first: [UInt8]
    private var others: [[UInt8]] = []

    package init(_ path: [UInt8]) { first = path }

    /// - Parameter paths: one or more.
    package init(arrayLiteral paths: [UInt8]...) {
        precondition(!paths.isEmpty, "a file has a path")
        first = paths[0]
        others = Array(paths.dropFirst())
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { 1 + others.count }
    package subscript(index: Int) -> [UInt8] { index == 0 ? first : others[index - 1] }

    package mutating func append(_ path: [UInt8]) { others.append(path) }
}
