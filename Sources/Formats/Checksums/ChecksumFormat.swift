import Entries
import LinuxKernel
import ScanEngine

extension SnapshotFormat {
    /// The output of `sha256sum` and its siblings, untagged or with `--tag`, of the BSD programs, openssl and rhash.
    package static let checksums = SnapshotFormat(
        name: "checksums",
        recognises: { beginning in
            // One valid line is enough: the reader reports invalid ones.
            var parser = ChecksumParser()
            return beginning.withoutByteOrderMark.split(separator: 0x0A, maxSplits: 20).contains { line in
                (try? parser.line(line)) ?? nil != nil
            }
        },
        open: { (input) throws(SnapshotFailure) in try ChecksumReader(input).read() })
}

/// Reads a whole list.
private struct ChecksumReader {
    private let lines: LineReader
    private let sorter: EntrySorter
    private var parser: ChecksumParser
    private var paths: ForeignPaths
    private var algorithms: Set<DigestAlgorithm> = []
    private var unnamed: Set<DigestAlgorithm> = []
    private var uncheckable = UncheckableCounts()

    init(_ input: SnapshotInput) {
        lines = LineReader(input)
        sorter = EntrySorter(repeats: .mustAgree(list: input.path))
        paths = ForeignPaths(otherRoots: input.otherRoots)
        // The lists look the same; b2sum's usually have a name with `b2` or `blake2`.
        let name = String(decoding: input.path, as: UTF8.self).lowercased().split(separator: "/").last ?? ""
        let isBLAKE2 = name.contains("b2") || name.contains("blake2")
        parser = ChecksumParser(algorithm: input.algorithm, longHex: isBLAKE2 ? .blake2b : .sha512)
    }

    consuming func read() throws(SnapshotFailure) -> SortedSource {
        while let line = try lines.next() {
            if let checksum = try parsed(line) { try take(checksum) }
        }
        var description = SnapshotDescription(
            format: SnapshotFormat.checksums.name, roots: paths.descriptionRoots, fields: [.kind],
            algorithms: DigestAlgorithm.allCases.filter { algorithms.contains($0) }, kinds: [.file])
        description.unnamedAlgorithms = unnamed
        description.uncheckable = uncheckable.counts
        return SortedSource(description, try sorter.finish())
    }

    private mutating func parsed(_ line: UnsafeRawBufferPointer) throws(SnapshotFailure) -> ChecksumLine? {
        do throws(ChecksumParser.Refusal) {
            return try parser.line(lines.number == 1 ? line.withoutByteOrderMark : line[...])
        } catch {
            throw lines.failure(error.reason)
        }
    }

    private mutating func take(_ checksum: ChecksumLine) throws(SnapshotFailure) {
        var entry = SnapshotEntry(key: paths.key(checksum.path), kind: .file)
        switch checksum.digest {
        case .named(let algorithm, let digest):
            entry.digests[algorithm] = digest
            algorithms.insert(algorithm)
        case .unnamed(let algorithm, let digest):
            entry.digests[algorithm] = digest
            algorithms.insert(algorithm)
            unnamed.insert(algorithm)
        case .unknown(let name): uncheckable.add(name)
        }
        try sorter.append(entry, line: lines.number)
    }
}
