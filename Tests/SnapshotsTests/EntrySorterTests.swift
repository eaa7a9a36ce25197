import ScanEngine
import Testing

@testable import Snapshots

@Suite struct EntrySorterTests {
    private func entry(_ path: String, root: Int = 0, kind: EntryKind? = .file) -> SnapshotEntry {
        SnapshotEntry(key: EntryKey(root: root, path: Array(path.utf8)), kind: kind)
    }

    private func sorted(_ entries: [SnapshotEntry], memoryLimit: Int = 64 << 20) throws -> [SnapshotEntry] {
        let sorter = EntrySorter(memoryLimit: memoryLimit)
        for entry in entries { try sorter.append(entry) }
        let source = try sorter.finish()
        var result: [SnapshotEntry] = []
        while let entry = try source.next() { result.append(entry) }
        return result
    }

    @Test func whatIsInADirectoryComesRightAfterIt() throws {
        let names = ["b", "", "a.old", "a", "a/c", "a/b", "a b"]
        let paths = try sorted(names.map { entry($0) }).map { String(decoding: $0.key.path, as: UTF8.self) }
        #expect(paths == ["", "a", "a/b", "a/c", "a b", "a.old", "b"])
    }

    @Test func aKeyKnowsWhatLiesBelowIt() {
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
            let parts = Mirror(reflecting: value).children
            if let number = value as? any FixedWidthInteger { return number.bitWidth / 8 }
            return parts.reduce(0) { $0 + bytes($1.value) }
        }
        #expect(bytes(EntryHeader()) == MemoryLayout<EntryHeader>.size)
    }

    /// ext4 has room for 30 bits of them; saved, they could not be read again.
    @Test func nanosecondsAreLessThanASecond() throws {
        var odd = entry("x")
        odd.mtime = SnapshotTime(seconds: 5, nanoseconds: 1 << 30)
        #expect(try sorted([odd]).map(\.mtime) == [SnapshotTime(seconds: 5, nanoseconds: 999_999_999)])
    }

    @Test(arguments: [64 << 20, 0]) func everyFieldComesThroughMemoryAndDisk(_ memoryLimit: Int) throws {
        var full = entry("x", kind: .symlink)
        (full.size, full.diskBytes, full.mode, full.uid, full.gid) = (.max, 512, 0o7777, .max, 7)
        (full.links, full.device, full.inode, full.specialDevice) = (.max, 1, .max, 259)
        full.mtime = SnapshotTime(seconds: -1, nanoseconds: 999_999_999)
        full.ctime = SnapshotTime(seconds: .max, nanoseconds: 0)
        full.btime = SnapshotTime(seconds: 5, nanoseconds: 6)
        full.target = [0xFF, 0x0A]
        full.digests = [.md5: Array(repeating: 1, count: 16), .sha256: Array(repeating: 2, count: 32)]
        full.mime = "text/plain"
        full.isChanged = true
        full.xattrs = [
            ExtendedAttribute(name: Array("user.a".utf8), value: [0, 1]), ExtendedAttribute(name: [1], value: []),
        ]
        full.flags = [.immutable]
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
