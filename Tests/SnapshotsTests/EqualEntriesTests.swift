import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import Snapshots

/// A source of entries in memory, as bytes.
private final class PackedList: PackedSource {
    private let source: Listed
    private var encoder = EntryEncoder()
    private var key: UnsafeMutableRawBufferPointer = .allocate(byteCount: 256, alignment: 1)
    private var keyLength = 0

    init(_ source: Listed) { self.source = source }
    deinit { key.deallocate() }

    var description: SnapshotDescription { source.description }

    func advance() -> Bool {
        guard let entry = source.next() else { return false }
        encoder.buffer.removeAll()
        encoder.append(entry)
        keyLength = entry.key.bytes.count
        key.copyBytes(from: entry.key.bytes)
        return true
    }

    var packed: (key: UnsafeRawBufferPointer, entry: UnsafeRawBufferPointer) {
        (UnsafeRawBufferPointer(rebasing: key[..<keyLength]), encoder.buffer.bytes)
    }

    func skip(_ subtree: EntryKey) { source.skip(subtree) }
}

@Suite struct EqualEntriesTests {
    /// Everything that may matter about an entry, on both sides and on one.
    @Test(arguments: 0..<200) func entriesThatAreEqualAsBytesNeedNotBeDecoded(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < share }
        func random(_ path: String) -> SnapshotEntry {
            entry(path, chance(0.95) ? EntryKind.allCases.randomElement(using: &generator) : nil) { entry in
                for field in [EntryField.size, .mode, .links, .device, .inode] where chance(0.9) {
                    entry.values[field] = UInt64.random(in: 0...1, using: &generator)
                }
                if chance(0.8) { entry.mtime = FileTime(seconds: 1, nanoseconds: chance(0.5) ? 0 : 1) }
                if chance(0.6) { entry.digests[.sha256] = digest(chance(0.9) ? 1 : 2) }
                if chance(0.3) { entry.digests[.md5] = digest(1, .md5) }
                if chance(0.1) { entry.target = chance(0.5) ? [] : [0x61] }
                if chance(0.5) { entry.mime = "text/plain" }
                if chance(0.1) { entry.xattrs = [] }
                if chance(0.05) || entry.kind == nil { entry.errors = [refusal] }
                if chance(0.05) { entry.isChanged = true }
                if chance(0.05) { entry.rules = EntryRules(rawValue: 1 << UInt8.random(in: 0...2, using: &generator)) }
                if chance(0.05) { entry.state = digest(1) }
            }
        }
        let paths = ["", "a", "a/b", "a/b/c", "a/d", "e", "f", "g", "g/h", "i"]
        let old = paths.map { random($0) }
        var new = old
        for index in new.indices where chance(0.3) { new[index] = random(paths[index]) }
        if chance(0.5) { new.remove(at: Int.random(in: 1..<new.count, using: &generator)) }
        let (algorithms, hash) = (chance(0.8), chance(0.5))
        let (mime, oneFileSystem, unnamed) = (chance(0.3), chance(0.2), chance(0.1))
        func describe(_ description: inout SnapshotDescription) {
            description.fields = FieldSet(EntryField.comparable)
            description.algorithms = algorithms ? [.sha256, .md5] : [.md5]
            if unnamed { description.unnamedAlgorithms = [.md5] }
            var options = ScanOptions(paths: [[]], threads: 1)
            (options.hash, options.mime, options.oneFileSystem) = (hash ? [.sha256] : [], mime, oneFileSystem)
            description.options = options
        }
        let decoded = try compare(Listed(old, describe), Listed(new, describe))
        let packed = try compare(PackedList(Listed(old, describe)), PackedList(Listed(new, describe)))
        #expect(packed == decoded)
    }
}
