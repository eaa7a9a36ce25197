import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import Snapshots

/// Rows are inserted several at once, and values stay bound from one row to the next.
@Suite struct RowBatchTests {
    /// Any field may be known or not, so a value of an earlier row would show up in one that lacks it.
    @Test(arguments: [0, 1, 15, 16, 17, 500]) func rowsAreReadBackAsTheyWereWritten(count: Int) throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("scans.db").bytes
        var options = ScanOptions(paths: [Array("tree".utf8)], threads: 1)
        (options.hash, options.mime, options.xattrs) = ([.sha256, .md5], true, true)
        let scan = SavedScan(
            id: 0, label: nil, host: "", started: "", ended: "", version: "", workingDirectory: nil, options: options,
            totals: Totals(), rootDigests: [nil])
        var generator = SeededGenerator(seed: UInt64(count))
        var entries = [SnapshotEntry(key: EntryKey(root: 0, path: []), kind: .directory)]
        for number in 0..<count { entries.append(entry(number, &generator)) }

        let transaction = try SavedTransaction(path, makesFile: true)
        let heading = ScanHeading.now(options, version: "1", start: Timing.now)
        let new = try NewScan(transaction, heading, of: scan)
        for entry in entries { try new.add(entry) }
        let evidence = try new.finish(
            [(options.paths[0], Totals().json)], totals: Totals().json, ended: ScanHeading.timeNow)
        try transaction.commit()

        let file = try SavedScans(path)
        let saved = try file.scan(nil)
        let source = try SavedScanSource(file, saved)
        for entry in entries { #expect(try source.next() == entry) }
        #expect(try source.next() == nil)
        // The working directory is in the file, and not in `scan`.
        var computation = try EvidenceComputation(scan, of: [])
        for entry in entries { try computation.add(entry) }
        #expect(computation.finish() == evidence)
    }

    /// Names end with bytes that keys escape.
    private func entry(_ number: Int, _ generator: inout SeededGenerator) -> SnapshotEntry {
        func isKnown() -> Bool { Bool.random(using: &generator) }
        let digits = String(number)
        let name = Array(String(repeating: "0", count: 4 - digits.count).utf8) + Array(digits.utf8)
        let kinds = EntryKind.allCases.filter { $0 != .directory }
        var entry = SnapshotEntry(
            key: EntryKey(root: 0, path: name + (isKnown() ? [1] : []) + (isKnown() ? [2] : [])),
            kind: kinds.randomElement(using: &generator))
        let numbers: [EntryField] = [
            .size, .diskBytes, .mode, .uid, .gid, .links, .device, .inode, .specialDevice, .flags,
        ]
        for field in numbers where isKnown() {
            let random = UInt64.random(in: 0...3, using: &generator)
            entry.values[field] = random == 3 ? field.type.largest : random
        }
        for field in [EntryField.mtime, .ctime, .btime] where isKnown() {
            entry.values[time: field] = FileTime(
                seconds: Int64.random(in: -1...1, using: &generator),
                nanoseconds: isKnown() ? 999_999_999 : Int64.random(in: 0...1, using: &generator))
        }
        if isKnown() { entry.isChanged = true }
        if isKnown() { entry.target = isKnown() ? [] : Array("target".utf8) }
        if isKnown() { entry.mime = isKnown() ? "text/plain" : "inode/x-empty" }
        if isKnown() { entry.digests[.sha256] = Array(repeating: UInt8(number % 3), count: 32) }
        if isKnown() { entry.digests[.md5] = Array(repeating: UInt8(number % 3), count: 16) }
        if isKnown() {
            let names = [[UInt8]]([[97], [98]]).filter { _ in isKnown() }
            entry.xattrs = names.map { ExtendedAttribute(name: $0, value: isKnown() ? [] : [0, 1]) }
        }
        return entry
    }
}
