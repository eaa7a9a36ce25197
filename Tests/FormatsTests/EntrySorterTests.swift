import Entries
import LinuxKernel
import ScanEngine
import Testing

@testable import Formats

extension SortedEntries {
    func next() throws -> SnapshotEntry? {
        guard try advance() else { return nil }
        let (key, entry) = packed
        return PackedEntry(entry).entry(EntryKey(bytes: Array(key)))
    }
}

@Suite struct EntrySorterTests {
    private func entry(_ path: String, root: Int = 0, kind: EntryKind? = .file) -> SnapshotEntry {
        SnapshotEntry(key: EntryKey(root: root, path: Array(path.utf8)), kind: kind)
    }

    private func sorted(
        _ entries: [SnapshotEntry], memoryLimit: Int = 64 << 20, _ repeats: RepeatedPaths = .lastCounts
    ) throws -> [SnapshotEntry] {
        let sorter = EntrySorter(memoryLimit: memoryLimit, repeats: repeats)
        for entry in entries { try sorter.append(entry) }
        let source = try sorter.finish()
        var result: [SnapshotEntry] = []
        while let entry = try source.next() { result.append(entry) }
        return result
    }

    @Test func digestsAreEqualInAnyOrderAndNilRemovesOne() {
        var one: EntryDigests = [.sha256: [1], .md5: [2]]
        #expect(one == [.md5: [2], .sha256: [1]])
        #expect(one != [.md5: [2], .sha1: [1]])
        #expect(one != [.md5: [2], .sha256: [3]])
        #expect(one != [.md5: [2]])
        one[.md5] = nil
        #expect(one == [.sha256: [1]] && one[.md5] == nil && one.algorithms == [.sha256])
        one[.sha256] = [4]
        #expect(one[.sha256] == [4] && one.items.count == 1)
    }

    @Test func theContentsOfADirectoryComeRightAfterIt() throws {
        let names = ["b", "", "a.old", "a", "a/c", "a/b", "a b"]
        let paths = try sorted(names.map { entry($0) }).map { String(decoding: $0.key.path, as: UTF8.self) }
        #expect(paths == ["", "a", "a/b", "a/c", "a b", "a.old", "b"])
    }

    @Test func aKeyContainsTheKeysBelowIt() {
        func key(_ path: String, _ root: Int = 0) -> EntryKey { EntryKey(root: root, path: Array(path.utf8)) }
        #expect(key("").contains(key("a/b")))
        #expect(key("a").contains(key("a")))
        #expect(key("a").contains(key("a/b/c")))
        #expect(!key("a").contains(key("a.old")))
        #expect(!key("a/b").contains(key("a")))
        #expect(!key("").contains(key("a", 1)))
        #expect(key("a/b").parent == key("a") && key("a").parent == key("") && key("").parent == nil)
        #expect(key("x/y", 258).root == 258)
        #expect(key("x/y").path(below: Array("/usr/".utf8)) == Array("/usr/x/y".utf8))
        #expect(key("x/y").path(below: Array("/usr".utf8)) == Array("/usr/x/y".utf8))
        #expect(key("").path(below: Array("/usr".utf8)) == Array("/usr".utf8))
    }

    /// The bytes are compared and written to files.
    @Test func headersHaveNoHoles() {
        func bytes(_ value: Any) -> Int {
            if value is EntryValues.Words { return MemoryLayout<EntryValues.Words>.size }
            if value is EntryValues.Nanoseconds { return MemoryLayout<EntryValues.Nanoseconds>.size }
            let parts = Mirror(reflecting: value).children
            if let number = value as? any FixedWidthInteger { return number.bitWidth / 8 }
            return parts.reduce(0) { $0 + bytes($1.value) }
        }
        #expect(bytes(EntryHeader()) == MemoryLayout<EntryHeader>.size)
    }

    /// ext4 has room for 30 bits of them; saved, larger values could not be read again.
    @Test func nanosecondsAreLessThanASecond() throws {
        var odd = entry("x")
        odd.mtime = FileTime(seconds: 5, nanoseconds: 1 << 30)
        #expect(try sorted([odd]).map(\.mtime) == [FileTime(seconds: 5, nanoseconds: 999_999_999)])
    }

    @Test(arguments: [64 << 20, 0]) func everyFieldComesThroughMemoryAndDisk(_ memoryLimit: Int) throws {
        var full = entry("x", kind: .symlink)
        (full.size, full.diskBytes, full.mode, full.uid, full.gid) = (.max, 512, 0o7777, .max, 7)
        (full.links, full.device, full.inode, full.specialDevice) = (.max, 1, .max, 259)
        full.mtime = FileTime(seconds: -1, nanoseconds: 999_999_999)
        full.ctime = FileTime(seconds: .max, nanoseconds: 0)
        full.btime = FileTime(seconds: 5, nanoseconds: 6)
        full.target = [0xFF, 0x0A]
        full.digests = [.md5: Array(repeating: 1, count: 16), .sha256: Array(repeating: 2, count: 32)]
        full.mime = "text/plain"
        full.isChanged = true
        full.xattrs = [
            ExtendedAttribute(name: Array("user.a".utf8), value: [0, 1]), ExtendedAttribute(name: [1], value: []),
        ]
        full.flags = [.immutable]
        full.rules = [.optional, .noChange]
        full.state = [9, 9]
        full.errors = [SnapshotEntryError(operation: "read", code: "EIO", message: "Input/output error")]
        let empty = entry("y", kind: nil)
        #expect(try sorted([empty, full], memoryLimit: memoryLimit) == [full, empty])
    }

    @Test func anErrorJoinsItsEntry() throws {
        var error = entry("a", kind: nil)
        error.errors = [SnapshotEntryError(operation: "openat", code: "EACCES", message: "Permission denied")]
        var both = entry("a", kind: .directory)
        both.errors = error.errors
        #expect(try sorted([error, entry("a", kind: .directory)]) == [both])
        #expect(try sorted([error]) == [error])
    }

    // MARK: One path several times

    private func file(_ path: String, size: Int64? = nil, _ digests: [DigestAlgorithm: UInt8] = [:]) -> SnapshotEntry {
        var file = entry(path)
        file.size = size
        for (algorithm, byte) in digests {
            file.digests[algorithm] = Array(repeating: byte, count: algorithm.byteCount)
        }
        return file
    }

    @Test(arguments: [64 << 20, 0]) func entriesThatAgreeArePutTogether(_ memoryLimit: Int) throws {
        let entries = [
            file("a", [.md5: 1]), file("b", size: 5), file("a", size: 7), file("a", [.sha256: 2, .md5: 1]),
            file("b", size: 5),
        ]
        let together = try sorted(entries, memoryLimit: memoryLimit, .mustAgree(list: [1]))
        #expect(together == [file("a", size: 7, [.md5: 1, .sha256: 2]), file("b", size: 5)])
    }

    /// Detected when the last entry has arrived, before the first is returned. The message names the line with the
    /// first statement, and the first line that contradicts it.
    @Test(arguments: [64 << 20, 0]) func entriesThatContradictEachOtherAreAnErrorThatNamesBoth(
        _ memoryLimit: Int
    ) throws {
        let sorter = EntrySorter(memoryLimit: memoryLimit, repeats: .mustAgree(list: [1]))
        let lines: [(Int, SnapshotEntry)] = [
            (2, file("a", size: 1)), (4, file("d/x", [.md5: 1])), (5, file("d/x", size: 3)), (6, file("b", size: 1)),
            (9, file("d/x", [.md5: 1])), (11, file("d/x", size: 4)), (12, file("d/x", size: 5)),
        ]
        for (line, entry) in lines { try sorter.append(entry, line: line) }
        let failure = try #require(throws: SnapshotFailure.self) { try sorter.finish() }
        #expect(failure == SnapshotFailure(path: [1], "line 5 and line 11 contradict each other: size of \"d/x\""))
    }

    @Test func anEntryThatDiffersFromOneBeforeItChanged() throws {
        var changed = file("a", size: 3)
        changed.isChanged = true
        let entries = [file("a", size: 2), file("a", size: 3), file("b", size: 1), file("b", size: 1)]
        #expect(try sorted(entries, .markChanged) == [changed, file("b", size: 1)])
        #expect(try sorted(entries, .lastCounts) == [file("a", size: 3), file("b", size: 1)])
    }

    @Test func errorsBesideAnEntryAreNoContradiction() throws {
        var error = entry("a", kind: nil)
        error.errors = [SnapshotEntryError(operation: "read", code: "EIO", message: "Input/output error")]
        var both = file("a", size: 2)
        both.errors = error.errors + error.errors
        for repeats in [RepeatedPaths.lastCounts, .markChanged, .mustAgree(list: [])] {
            #expect(try sorted([error, file("a", size: 2), error, file("a", size: 2)], repeats) == [both])
        }
    }

    @Test func aSubtreeIsPassedOver() throws {
        let sorter = EntrySorter()
        for path in ["", "a", "a/b", "a/b/c", "a.old", "b"] { try sorter.append(entry(path)) }
        let source = try sorter.finish()
        _ = try source.next()
        let a = try #require(try source.next())
        try source.skip(a.key)
        #expect(try source.next()?.key.path == Array("a.old".utf8))
    }
}
