// The files that diff, verify and --baseline read. Each target calls one reader directly, whatever format the file
// would be recognised as. It checks the results by rules that hold for every source, by reading in other ways, and by
// writing them with fsscan's own writers and reading that.

import Entries
import Formats
import Foundation
import LinuxKernel
import ScanEngine
import Snapshots

/// A reader of text.
func fuzzText(_ format: String) -> @Sendable (UnsafeRawBufferPointer) -> Void {
    { bytes in
        let file = TextFile(format: format, path: "list", bytes: Array(bytes))
        for format in SnapshotFormat.all { _ = format.recognises(Array(bytes.prefix(SnapshotInput.beginningSize))) }
        let result = file.read()
        precondition(result == file.read(asPipe: true), "a pipe says something else")
        guard case .success(let reading) = result else { return }
        reading.check()
        let lines = bytes.count { $0 == 0x0A } + 1
        precondition(reading.entries.count <= lines * reading.description.roots.count, "more entries than lines")
        if format == "records" || format == "mca" { bytes.split(separator: 0x0A).forEach(checkJSON) }

        try! reading.checkPassingOver { try! file.open().get() }
        checkEqual(try! file.open().get(), try! file.open().get())
        Rewriting(reading)?.check()

        // Nothing is ignored, not even at the end. No format has a line with a NUL.
        var longer = file
        longer.bytes += [0x0A, 0x00]
        if case .success = longer.read() { preconditionFailure("a line of nonsense was read over") }
    }
}

/// Foundation accepts everything that a strict reader accepts, except numbers that are not doubles, and lone
/// surrogates.
private func checkJSON(_ line: UnsafeRawBufferPointer.SubSequence) {
    if (try? JSONSerialization.jsonObject(with: Data(line))) is [String: Any] { return }
    let text = String(decoding: line, as: UTF8.self)
    let isBeyondFoundation =
        text.contains("\\u") || text.contains { $0 == "e" || $0 == "E" || $0 == "." }
        || text.split { !$0.isNumber }.contains { $0.utf8.count > 15 }
    precondition(isBeyondFoundation, "not JSON")
}

/// The files of dpkg, each read as all three kinds.
func fuzzDpkg(_ bytes: UnsafeRawBufferPointer) {
    let file = Array(bytes)
    var lists = DpkgLists()
    lists.addConffiles(file)
    lists.addMD5Sums(file, name: Array("a:amd64.md5sums".utf8))
    lists.addDiversions(file)
    lists.addMD5Sums(file, name: Array("b.md5sums".utf8))
    for line in bytes.split(separator: 0x0A) where line.count > 34 {
        precondition(lists[Array(line.dropFirst(34))].allSatisfy { $0.count == 32 }, "no MD5")
    }
}

/// A file of rules for a comparison.
func fuzzRules(_ bytes: UnsafeRawBufferPointer) {
    guard let list = try? RuleList(Array(bytes)) else { return }
    precondition(list.rules.count <= bytes.count { $0 == 0x0A } + 1, "more rules than lines")
    guard let set = RuleSet(list.rules, excludes: []) else { return precondition(list.rules.isEmpty, "no rules") }
    let lines = Set(list.rules.map(\.line))
    for (rule, why) in list.overruled(by: set) {
        guard case .byLine(let line) = why else { continue }
        precondition(line > rule.line && lines.contains(line), "a rule is overruled by none")
    }
    for rule in list.rules {
        rule.pattern.withUnsafeBytes { _ = set.leavesOut(root: 0, path: $0, below: []) }
    }
}

/// An ncdu file, which is browsed, not compared: a directory comes before its contents.
func fuzzNcdu(_ bytes: UnsafeRawBufferPointer) {
    ScratchFile.with(bytes) { path in
        let opened = try? OpenedSnapshot(
            path, selector: nil, otherRoots: [], isToBeHashed: false, formats: [.ncdu])
        guard let source = opened?.source else { return }
        var open: [EntryKey] = []
        var count = 0
        while let entry = (try? source.next()) ?? nil {
            count += 1
            while let last = open.last, !last.contains(entry.key) { open.removeLast() }
            precondition(entry.key.isRoot == (count == 1) && entry.key.parent == open.last, "an entry in no directory")
            precondition(!entry.key.hasEmptyName && entry.size! >= 0 && entry.diskBytes! >= 0, "no entry")
            if entry.kind == .directory { open.append(entry.key) }
        }
        precondition(count <= bytes.count, "more entries than bytes")
    }
}

/// A file of saved scans.
func fuzzSaved(_ bytes: UnsafeRawBufferPointer) {
    ScratchFile.with(bytes) { path in
        guard let file = try? SavedScans(path) else { return }
        for scan in file.scans.suffix(2) {
            guard let reading = try? Reading(SavedScanSource(file, scan)) else { continue }
            reading.check()
            precondition(reading.entries.count <= bytes.count, "more entries than bytes")
            // Seeking may find damage that reading sequentially did not.
            guard (try? reading.checkPassingOver { try! SavedScanSource(file, scan) }) != nil else { continue }
            checkEqual(try! SavedScanSource(file, scan), try! SavedScanSource(file, scan))
            checkEvidence(file, scan)
            let rewriting = Rewriting(reading)
            rewriting?.check()
            checkBaseline(file, scan, rewriting?.statuses ?? [])
        }
    }
}

/// The same each time, and none if an entry is in no directory.
private func checkEvidence(_ file: SavedScans, _ scan: SavedScan) {
    guard let evidence = try? file.evidence(of: scan) else { return }
    precondition(evidence.hex.utf8.count == 64 && (try? file.evidence(of: scan)) == evidence, "no evidence")
    try? file.checkContent(of: scan)
}

/// Whatever the packs contain, digests that are taken over have the form of the scan.
private func checkBaseline(_ file: SavedScans, _ scan: SavedScan, _ statuses: [FileStatus]) {
    var options = scan.options
    options.mime = true
    for hash in [scan.options.hash, Array(scan.options.hash.reversed().prefix(1))] {
        options.hash = hash
        guard let baseline = try? file.baseline(scan, for: options) else { continue }
        var cursor = -1
        for status in statuses {
            guard let known = baseline.known(status, .symlink, isServed: false, &cursor) else { continue }
            precondition(known.digests.count == DigestSet(hash).rowBytes, "a row of another length")
            _ = baseline.known(status, .file, isServed: true, &cursor)?.mime
        }
    }
}

/// A source compared with itself has no differences.
private func checkEqual(_ old: any SnapshotSource, _ new: any SnapshotSource) {
    let everything = FieldSet(EntryField.comparable)
    let totals = try! Comparison(old, new, FieldSelection(added: everything)).run { change in
        precondition(change.kinds == [.unknown] && change.reason == .neither, "differs from itself")
    }
    precondition(!totals.isDifferent && totals.oldEntries == totals.newEntries)
    precondition(!totals.notCompared.contains { $0.reason == .newDoesNotSay }, "says less than itself")
}

/// All entries of a source.
struct Reading: Equatable {
    let description: SnapshotDescription
    let entries: [SnapshotEntry]

    init(_ source: any SnapshotSource) throws(SnapshotFailure) {
        description = source.description
        var entries: [SnapshotEntry] = []
        while let entry = try source.next() { entries.append(entry) }
        self.entries = entries
    }

    static func == (left: Reading, right: Reading) -> Bool {
        left.entries == right.entries && left.description.roots == right.description.roots
            && left.description.fields == right.description.fields
            && left.description.algorithms == right.description.algorithms
            && left.description.isComplete == right.description.isComplete
            && left.description.uncheckable == right.description.uncheckable
    }

    /// Checks the promises of every source.
    func check() {
        // `--files-from` may be empty.
        precondition(!description.roots.isEmpty || description.format == "saved scan" && entries.isEmpty, "no root")
        precondition(description.roots.allSatisfy { !$0.contains(0) }, "a path with a NUL")
        precondition(description.uncheckable.count <= 1_001, "names without bounds")
        precondition(description.uncheckable.allSatisfy { !$0.key.isEmpty && $0.value > 0 }, "a count of nothing")
        for (entry, next) in zip(entries, entries.dropFirst()) {
            precondition(entry.key < next.key, "in the order of keys, each once")
        }
        for entry in entries {
            precondition(description.roots.indices.contains(entry.key.root), "a root that is none")
            precondition(entry.kind != nil || !entry.errors.isEmpty || description.format != "records")
            precondition(entry.kind.map { description.kinds.contains($0) } ?? true, "a kind that is not listed")
            // Whatever the options are, a file may have types and attributes.
            let known = entry.knownFields.subtracting([.kind, .mime, .xattrs])
            precondition(known.isSubset(of: description.fields), "a field that is not carried")
            for item in entry.digests.items {
                precondition(item.digest.count == item.algorithm.byteCount, "a digest of a wrong length")
            }
            for time in [entry.mtime, entry.ctime, entry.btime] {
                precondition(time.map { (0..<1_000_000_000).contains($0.nanoseconds) } ?? true, "no part of a second")
            }
            precondition((entry.size ?? 0) >= 0 && (entry.diskBytes ?? 0) >= 0, "a negative size")
            precondition((entry.mode ?? 0) <= 0o7777, "more than permissions")
            let components = entry.key.bytes[4...].split(separator: 0, omittingEmptySubsequences: false)
            precondition(entry.key.isRoot || components.allSatisfy { !$0.isEmpty }, "a name of nothing")
        }
    }

    /// Skipping every second directory (or path with only an error) omits everything below them, and nothing else.
    func checkPassingOver(_ open: () -> any SnapshotSource) throws(SnapshotFailure) {
        let source = open()
        var passed: EntryKey?
        var count = 0
        for entry in entries {
            if let passed, passed.contains(entry.key) { continue }
            let found = try source.next()
            precondition(found == entry, "something else comes after what was passed over")
            count += 1
            if entry.kind == .directory || entry.kind == nil, !entry.key.isRoot, count % 2 == 0 {
                passed = entry.key
                try source.skip(entry.key)
            }
        }
        let rest = try source.next()
        precondition(rest == nil, "something comes behind the end")
    }
}
