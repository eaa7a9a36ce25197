import ScanEngine

extension SnapshotFormat {
    /// What `sha256sum` and its sisters write, untagged or with `--tag`, and the BSD programs.
    package static let checksums = SnapshotFormat(
        name: "checksums",
        recognises: { beginning in
            // Whole lines only, unless there is but one.
            let lines = beginning.split(separator: 0x0A, maxSplits: 20)
            guard let first = lines.first(where: { $0.first != UInt8(ascii: "#") }) else { return false }
            return ChecksumLine(first, longHex: .sha512) != nil
        },
        open: { (input) throws(SnapshotFailure) in try ChecksumReader(input).read() })
}

/// One line of a list of checksums.
struct ChecksumLine {
    var algorithm: DigestAlgorithm
    var digest: [UInt8]
    var path: [UInt8]

    /// - Parameter longHex: what 128 hex digits without a name are: SHA-512 or BLAKE2b.
    init?(_ line: some Collection<UInt8>, longHex: DigestAlgorithm) {
        var rest = Array(line)[...]
        if rest.last == 0x0D { rest.removeLast() }
        let isEscaped = rest.first == UInt8(ascii: "\\")
        if isEscaped { rest.removeFirst() }
        let digits = rest.prefix { hexDigit($0) != nil }
        let name: ArraySlice<UInt8>
        if let algorithm = Self.algorithm(digits: digits.count, longHex),
            [Array("  ".utf8), Array(" *".utf8)].contains(Array(rest.dropFirst(digits.count).prefix(2)))
        {
            self.algorithm = algorithm
            digest = bytes(ofHex: digits) ?? []
            name = rest.dropFirst(digits.count + 2)
        } else if let tagged = Self.tagged(rest) {
            (algorithm, name, digest) = tagged
        } else {
            return nil
        }
        guard !name.isEmpty, let path = isEscaped ? Self.unescaped(name) : Array(name), !path.contains(0) else {
            return nil
        }
        self.path = path
    }

    private static func algorithm(digits: Int, _ longHex: DigestAlgorithm) -> DigestAlgorithm? {
        switch digits {
        case 32: .md5
        case 40: .sha1
        case 64: .sha256
        case 128: longHex
        default: nil
        }
    }

    /// `SHA256 (name) = hex`
    private static func tagged(
        _ line: ArraySlice<UInt8>
    ) -> (DigestAlgorithm, name: ArraySlice<UInt8>, digest: [UInt8])? {
        let tags: [(String, DigestAlgorithm)] = [
            ("MD5", .md5), ("SHA1", .sha1), ("SHA256", .sha256), ("SHA512", .sha512), ("BLAKE2b", .blake2b),
            ("XXH128", .xxh128),
        ]
        for (tag, algorithm) in tags {
            guard line.starts(with: Array("\(tag) (".utf8)) else { continue }
            let digits = line.suffix(2 * algorithm.byteCount)
            let name = line.dropFirst(tag.utf8.count + 2).dropLast(digits.count)
            guard name.suffix(4).elementsEqual(Array(") = ".utf8)), let digest = bytes(ofHex: digits) else {
                return nil
            }
            return (algorithm, name.dropLast(4), digest)
        }
        return nil
    }

    private static func unescaped(_ name: ArraySlice<UInt8>) -> [UInt8]? {
        var path: [UInt8] = []
        var isEscape = false
        for byte in name {
            if isEscape {
                switch byte {
                case UInt8(ascii: "\\"): path.append(byte)
                case UInt8(ascii: "n"): path.append(0x0A)
                case UInt8(ascii: "r"): path.append(0x0D)
                default: return nil
                }
                isEscape = false
            } else if byte == UInt8(ascii: "\\") {
                isEscape = true
            } else {
                path.append(byte)
            }
        }
        return isEscape ? nil : path
    }
}

/// Reads a whole list.
private struct ChecksumReader {
    private let lines: LineReader
    private let longHex: DigestAlgorithm
    private var paths: ForeignPaths

    init(_ input: SnapshotInput) {
        lines = LineReader(input)
        paths = ForeignPaths(otherRoots: input.otherRoots)
        // The lists look the same; b2sum's are usually called so.
        let name = String(decoding: input.path, as: UTF8.self).lowercased().split(separator: "/").last ?? ""
        longHex = name.contains("b2") || name.contains("blake2") ? .blake2b : .sha512
    }

    consuming func read() throws(SnapshotFailure) -> SortedSource {
        let sorter = EntrySorter()
        var algorithms: Set<DigestAlgorithm> = []
        while let line = try lines.next() {
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            guard let checksum = ChecksumLine(line, longHex: longHex) else {
                throw lines.failure("no digest and name")
            }
            var entry = SnapshotEntry(key: paths.key(checksum.path), kind: .file)
            entry.digests[checksum.algorithm] = checksum.digest
            algorithms.insert(checksum.algorithm)
            try sorter.append(entry)
        }
        let description = SnapshotDescription(
            format: SnapshotFormat.checksums.name, roots: paths.descriptionRoots, fields: .kind,
            algorithms: DigestAlgorithm.allCases.filter { algorithms.contains($0) }, kinds: [.file])
        return SortedSource(description, try sorter.finish())
    }
}
