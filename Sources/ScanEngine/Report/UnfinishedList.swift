import Bytes

/// The unfinished work of a stopped scan: directories that were not completely listed, and files that were to be read.
/// The first 10,000 by path bytes.
struct UnfinishedList {
    private var paths: [EntryPath] = []

    static let limit = 10_000

    mutating func add(_ path: EntryPath) {
        paths.append(path)
        if paths.count >= 2 * Self.limit { cut() }
    }

    mutating func merge(_ other: UnfinishedList) { for path in other.paths { add(path) } }

    var ranked: [[UInt8]] {
        var list = self
        list.cut()
        return list.paths.map(\.bytes)
    }

    /// Several slices of one directory may have been stopped.
    private mutating func cut() {
        paths.sort { PathOrder.compare($0, $1) == .before }
        var kept: [EntryPath] = []
        for path in paths {
            if let last = kept.last, PathOrder.compare(last, path) == .same { continue }
            kept.append(path)
            if kept.count == Self.limit { break }
        }
        paths = kept
    }
}

extension UnfinishedList {
    func encode(to encoder: inout PartialEncoder) {
        var list = self
        list.cut()
        encoder.put(list.paths)
    }

    /// Adds the unfinished work of a part.
    mutating func merge(_ decoder: inout PartialDecoder) throws(BinaryFailure) {
        for path in try decoder.list(EntryPath.self) { add(path) }
    }
}
