import Bytes
import Entries
import LinuxKernel
import ScanEngine

extension SnapshotFormat {
    /// The output of hashdeep: sizes and digests of regular files.
    package static let hashdeep = SnapshotFormat(
        name: "hashdeep", recognises: { $0.withoutByteOrderMark.starts(with: HashdeepReader.signature) },
        open: { (input) throws(SnapshotFailure) in try HashdeepReader(input).read() })
}

/// ```
/// %%%% HASHDEEP-1.0
/// %%%% size,md5,sha256,filename
/// ## comments
/// 5,…,…,/path/to/file
/// ```
private struct HashdeepReader {
    static let signature = Array("%%%% HASHDEEP-1.0".utf8)

    private enum Column {
        case size
        case digest(DigestAlgorithm)
        case unknown(String)
    }

    private let lines: LineReader
    private let sorter: EntrySorter
    private var paths: ForeignPaths
    /// The first line ends in a carriage return: then all lines do, and it is never part of a name.
    private var hasCarriageReturns = false
    /// The columns before the name, which is the rest of the line.
    private var columns: [Column] = []

    init(_ input: SnapshotInput) {
        lines = LineReader(input)
        sorter = EntrySorter(repeats: .mustAgree(list: input.path))
        paths = ForeignPaths(otherRoots: input.otherRoots)
    }

    consuming func read() throws(SnapshotFailure) -> SortedSource {
        hasCarriageReturns = try lines.next()?.last == 0x0D
        guard let header = try nextLine(), try readColumns(header) else {
            throw lines.failure("the names of the columns must end with filename")
        }
        var entries: Int64 = 0
        while let line = try nextLine() {
            if line.isEmpty || line.starts(with: Array("##".utf8)) || line.starts(with: Array("%%%%".utf8)) { continue }
            try sorter.append(try entry(line), line: lines.number)
            entries += 1
        }
        var fields: FieldSet = [.kind]
        var algorithms: [DigestAlgorithm] = []
        var uncheckable = UncheckableCounts()
        for column in columns {
            switch column {
            case .size: fields.insert(.size)
            case .digest(let algorithm): algorithms.append(algorithm)
            case .unknown(let name): uncheckable.add(name, entries: entries)
            }
        }
        var description = SnapshotDescription(
            format: SnapshotFormat.hashdeep.name, roots: paths.descriptionRoots, fields: fields,
            algorithms: algorithms, kinds: [.file])
        description.uncheckable = uncheckable.counts
        return SortedSource(description, try sorter.finish())
    }

    private func nextLine() throws(SnapshotFailure) -> UnsafeRawBufferPointer? {
        guard let line = try lines.next() else { return nil }
        return hasCarriageReturns && line.last == 0x0D ? UnsafeRawBufferPointer(rebasing: line.dropLast()) : line
    }

    private mutating func readColumns(_ line: UnsafeRawBufferPointer) throws(SnapshotFailure) -> Bool {
        let prefix = Array("%%%% ".utf8)
        guard line.starts(with: prefix) else { return false }
        var names = String(decoding: line.dropFirst(prefix.count), as: UTF8.self)
            .split(separator: ",", omittingEmptySubsequences: false)
        guard names.popLast() == "filename" else { return false }
        // The two could contradict each other about one file.
        guard Set(names).count == names.count else { throw lines.failure("a column twice") }
        columns = names.map { name in
            switch name {
            case "size": .size
            case "md5": .digest(.md5)
            case "sha1": .digest(.sha1)
            case "sha256": .digest(.sha256)
            default: .unknown(UncheckableCounts.name(name.utf8))
            }
        }
        return true
    }

    private mutating func entry(_ line: UnsafeRawBufferPointer) throws(SnapshotFailure) -> SnapshotEntry {
        let parts = line.split(
            separator: UInt8(ascii: ","), maxSplits: columns.count, omittingEmptySubsequences: false)
        guard parts.count == columns.count + 1, let name = parts.last, !name.isEmpty, !name.contains(0) else {
            throw lines.failure("not \(columns.count + 1) columns")
        }
        var entry = SnapshotEntry(key: paths.key(name), kind: .file)
        for (column, part) in zip(columns, parts) {
            switch column {
            case .size:
                guard let size = Int64(String(decoding: part, as: UTF8.self)), size >= 0 else {
                    throw lines.failure("no size")
                }
                entry.size = size
            case .digest(let algorithm):
                guard let digest = bytes(ofHex: part), digest.count == algorithm.byteCount else {
                    throw lines.failure("no \(algorithm.rawValue) digest")
                }
                entry.digests[algorithm] = digest
            case .unknown: break
            }
        }
        return entry
    }
}
