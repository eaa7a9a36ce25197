import Entries
package import Formats
package import ScanEngine

/// A set of places of entries, each with a number, as sorted hashes of 8 bytes. Two places may share a hash.
struct PlaceHashes: Sendable {
    private let hashes: [UInt64]

    init(_ hashes: [UInt64]) { self.hashes = hashes.sorted() }

    func contains(_ hash: UInt64) -> Bool {
        var (low, high) = (0, hashes.count)
        while low < high {
            let middle = (low + high) / 2
            if hashes[middle] < hash { low = middle + 1 } else { high = middle }
        }
        return low < hashes.count && hashes[low] == hash
    }

    /// The hash of a path of a scan. Each process has its own seed, so an attacker cannot choose names that share a
    /// hash.
    static func hash(
        _ root: Int, _ path: UnsafeRawBufferPointer, below rootPath: [UInt8], _ number: Int64 = 0
    ) -> UInt64 {
        var rest = path[rootPath.count...]
        if rest.first == UInt8(ascii: "/") { rest = rest.dropFirst() }
        var hasher = Hasher()
        hasher.combine(root)
        hasher.combine(number)
        hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: rest))
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

/// `--listed-only`: the files that the other side names.
package final class ListedFiles: ContentChoice {
    private let hashes: PlaceHashes
    private let roots: [[UInt8]]
    private let other: (any ContentChoice)?

    private init(_ hashes: PlaceHashes, _ roots: [[UInt8]], _ other: (any ContentChoice)?) {
        (self.hashes, self.roots, self.other) = (hashes, roots, other)
    }

    /// Reads a source to its end.
    package convenience init(_ source: any SnapshotSource) throws(SnapshotFailure) {
        var hashes: [UInt64] = []
        while let entry = try source.next() {
            hashes.append(entry.key.path.withUnsafeBytes { PlaceHashes.hash(entry.key.root, $0, below: []) })
        }
        self.init(PlaceHashes(hashes), [], nil)
    }

    /// For a scan of these PATHs: a file is read if `other` agrees.
    package func below(_ roots: [[UInt8]], and other: (any ContentChoice)?) -> ListedFiles {
        ListedFiles(hashes, roots, other)
    }

    package func isRead(root: Int, path: UnsafeRawBufferPointer, size: Int64) -> Bool {
        hashes.contains(PlaceHashes.hash(root, path, below: roots[root]))
            && other?.isRead(root: root, path: path, size: size) != false
    }
}
