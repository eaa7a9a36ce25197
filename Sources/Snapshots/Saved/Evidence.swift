// Proof that a saved scan has not been replaced: 64 hex digits that the user keeps elsewhere. They cover everything
// that a comparison looks at. docs/SCHEMA-2.md defines them to the byte.
//
//   entries in the order of their keys
//     │
//     ├─ errors ──────────▶ one running hash
//     ├─ directory ───────▶ a running hash for each that is open ─┐ value, when it is complete
//     └─ other ───────────▶ value ──▶ the directory that is open  │
//                                     the whole, if it is a PATH ◀┘
//
// An attacker who can write to the file can write to all of it. So the evidence is computed from the rows that are
// compared, and from nothing in the file that is derived from other rows (Merkle values, totals, packed content).

import Bytes
import CLinux
package import Entries
package import Formats
import LinuxKernel
import ScanEngine

/// 32 bytes.
package struct Evidence: Equatable, Sendable {
    package let hex: String
    let bytes: [UInt8]

    fileprivate init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var digits: [UInt8] = []
        digits.appendHex(bytes)
        hex = String(decoding: digits, as: UTF8.self)
    }
}

/// Computes the evidence of one scan from its entries, in the order of their keys.
///
/// Memory: a hash for each open directory, and one path. Nothing recurses, because the depth of a tree is unbounded.
package struct EvidenceComputation: ~Copyable {
    /// A hash that is fed piece by piece.
    private struct Running: ~Copyable {
        private var digest: MultiDigest

        init(_ methods: DigestMethods) {
            digest = MultiDigest(methods)
            digest.beginLane(0)
        }

        mutating func begin() { digest.beginLane(0) }
        mutating func add(_ bytes: UnsafeRawBufferPointer) { digest.updateLane(0, bytes) }

        /// Replaces `value`.
        mutating func finish(_ value: inout [UInt8]) {
            value.removeAll(keepingCapacity: true)
            digest.finishLane(0, appendingTo: &value)
        }
    }

    /// A directory whose entries are being added. Objects are reused: there are as many as the tree is deep.
    private final class Directory {
        var hash: Running
        var entries: UInt64 = 0
        /// The length of its key, which is a prefix of `path`.
        var keyLength = 0

        init(_ methods: DigestMethods) { hash = Running(methods) }
    }

    private let scan: SavedScan
    private let file: [UInt8]
    private let roots: [[UInt8]]
    private let methods: DigestMethods
    private var encoder: EvidenceEncoder
    private var part = ByteBuffer(capacity: 512)
    /// The value that was computed last.
    private var value: [UInt8] = []

    private var whole: Running
    private var errors: Running
    private var errorCount: UInt64 = 0
    /// The hash of an entry that is not a directory.
    private var single: Running
    /// The first `depth` are open, the innermost last.
    private var directories: [Directory] = []
    private var depth = 0
    /// The key of the innermost open directory.
    private var path: [UInt8] = []
    /// The roots before this one have their values.
    private var nextRoot = 0

    /// - Parameter file: for messages.
    package init(_ scan: SavedScan, of file: [UInt8]) throws(SnapshotFailure) {
        do throws(DigestUnavailable) {
            methods = try DigestMethods(DigestSet([.sha256]))
        } catch {
            throw SnapshotFailure(path: nil, error.message)
        }
        self.scan = scan
        self.file = file
        roots = scan.absoluteRoots
        encoder = EvidenceEncoder(scan.options)
        whole = Running(methods)
        errors = Running(methods)
        single = Running(methods)
        part.append("fsscan-evidence/1")
        part.append(0)
        part.appendOptions(scan.options)
        part.append(number: UInt64(roots.count))
        whole.add(part.bytes)
        part.removeAll()
    }

    /// - Parameter key: the bytes of its `EntryKey`.
    /// - Throws: if the entry lies in no directory.
    package mutating func add(_ entry: PackedEntry, _ key: UnsafeRawBufferPointer) throws(SnapshotFailure) {
        if entry.hasErrors {
            let place = EntryKey(bytes: Array(key))
            for error in entry.errors { add(error, at: place) }
        }
        guard let kind = entry.kind else { return }
        try enter(key)
        encoder.encode(entry)
        addEncoded(kind, key)
    }

    /// Goes to the directory that the entry lies in.
    private mutating func enter(_ key: UnsafeRawBufferPointer) throws(SnapshotFailure) {
        close(downTo: key)
        guard isInOpenDirectory(key) else {
            throw SnapshotFailure(path: file, "is damaged: an entry is in no directory")
        }
    }

    /// Adds the entry in `encoder`.
    private mutating func addEncoded(_ kind: EntryKind, _ key: UnsafeRawBufferPointer) {
        if kind == .directory { return open(key) }
        single.begin()
        single.add(encoder.buffer.bytes)
        encoder.buffer.removeAll()
        single.finish(&value)
        finished(key)
    }

    /// Call it once, after the last entry.
    package mutating func finish() -> Evidence {
        close(downTo: nil)
        finishRoots(upTo: roots.count)
        part.append(number: errorCount)
        errors.add(part.bytes)
        part.removeAll()
        errors.finish(&value)
        part.append(value)
        whole.add(part.bytes)
        part.removeAll()
        whole.finish(&value)
        return Evidence(value)
    }

    private mutating func add(_ error: SnapshotEntryError, at key: EntryKey) {
        errorCount += 1
        part.append(number: UInt64(key.root))
        part.append(counted: key.path)
        for text in [error.operation, error.code, error.message] { part.append(counted: Array(text.utf8)) }
        errors.add(part.bytes)
        part.removeAll()
    }

    // MARK: Open directories

    private mutating func open(_ key: UnsafeRawBufferPointer) {
        if depth == directories.count { directories.append(Directory(methods)) }
        let directory = directories[depth]
        depth += 1
        (directory.entries, directory.keyLength) = (0, key.count)
        directory.hash.begin()
        directory.hash.add(encoder.buffer.bytes)
        encoder.buffer.removeAll()
        path.removeAll(keepingCapacity: true)
        path.append(contentsOf: key)
    }

    /// Ends the directories that do not contain `key`.
    private mutating func close(downTo key: UnsafeRawBufferPointer?) {
        let common = key.map { commonLength($0) } ?? 0
        while depth > 0 {
            let directory = directories[depth - 1]
            let length = directory.keyLength
            if let key, length <= common, key.count > length, length == Self.rootLength || key[length] == 0 { return }
            depth -= 1
            part.append(number: directory.entries)
            directory.hash.add(part.bytes)
            part.removeAll()
            directory.hash.finish(&value)
            let ended = path
            ended.withUnsafeBytes { finished(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
            path.removeLast(path.count - (depth == 0 ? 0 : directories[depth - 1].keyLength))
        }
    }

    /// A row whose parent has no row, or is not a directory, would belong to no value.
    private func isInOpenDirectory(_ key: UnsafeRawBufferPointer) -> Bool {
        if key.count == Self.rootLength { return true }
        guard depth > 0 else { return false }
        let name = name(key)
        return name.isEmpty || memchr(name.baseAddress!, 0, name.count) == nil
    }

    /// The name of an entry in the innermost open directory.
    private func name(_ key: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let length = directories[depth - 1].keyLength
        return UnsafeRawBufferPointer(rebasing: key[(length == Self.rootLength ? length : length + 1)...])
    }

    /// Hands `value`, that of an entry, to the directory that contains it.
    private mutating func finished(_ key: UnsafeRawBufferPointer) {
        if key.count == Self.rootLength {
            finishRoots(upTo: EntryKey(bytes: Array(key)).root)
            return finishRoot(value)
        }
        let directory = directories[depth - 1]
        directory.entries += 1
        part.append(counted: name(key))
        part.append(value)
        directory.hash.add(part.bytes)
        part.removeAll()
    }

    /// Adds missing PATHs.
    private mutating func finishRoots(upTo root: Int) {
        while nextRoot < root { finishRoot([UInt8](repeating: 0, count: 32)) }
    }

    private mutating func finishRoot(_ value: [UInt8]) {
        part.append(counted: roots[nextRoot])
        part.append(value)
        whole.add(part.bytes)
        part.removeAll()
        nextRoot += 1
    }

    /// The length of a root's key: see `EntryKey`.
    private static let rootLength = 4

    /// The length of the common prefix of the key and that of the innermost open directory, which contains most
    /// entries.
    private func commonLength(_ key: UnsafeRawBufferPointer) -> Int {
        path.withUnsafeBytes { path in
            guard let start = path.baseAddress, path.count > 0 else { return 0 }
            if key.count >= path.count, memcmp(key.baseAddress!, start, path.count) == 0 { return path.count }
            let limit = min(key.count, path.count)
            var length = 0
            while length < limit, key[length] == path[length] { length += 1 }
            return length
        }
    }
}

/// Returns the entries of a saved scan, and computes its evidence from exactly these.
package final class EvidenceSource: PackedSource {
    private let source: SavedScanSource
    private var computation: EvidenceComputation
    private var isWhole = true
    /// Nil until the source has been read to its end, and if parts of it were skipped.
    package private(set) var evidence: Evidence?

    package init(_ source: SavedScanSource) throws(SnapshotFailure) {
        self.source = source
        computation = try EvidenceComputation(source.scan, of: source.path)
    }

    package var description: SnapshotDescription { source.description }

    package func advance() throws(SnapshotFailure) -> Bool {
        guard try source.advance() else {
            if isWhole, evidence == nil { evidence = computation.finish() }
            return false
        }
        if isWhole {
            let (key, entry) = source.packed
            try computation.add(PackedEntry(entry), key)
        }
        return true
    }

    package var packed: (key: UnsafeRawBufferPointer, entry: UnsafeRawBufferPointer) { source.packed }

    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) {
        isWhole = false
        try source.skip(subtree)
    }
}

extension SavedScans {
    /// Reads all rows of the scan, at some microseconds each.
    package func evidence(of scan: SavedScan) throws(SnapshotFailure) -> Evidence {
        let source = try EvidenceSource(try SavedScanSource(self, scan))
        while try source.advance() {
            if clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
        }
        guard let evidence = source.evidence else { preconditionFailure("a scan was read to its end without evidence") }
        return evidence
    }
}

extension SavedScan {
    /// The PATHs, with the directory that they were relative to in front. If that was not saved, they are as given.
    package var absoluteRoots: [[UInt8]] {
        guard let directory = workingDirectory else { return options.paths }
        let slash: [UInt8] = directory.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
        return options.paths.map { $0.first == UInt8(ascii: "/") ? $0 : directory + slash + $0 }
    }
}
