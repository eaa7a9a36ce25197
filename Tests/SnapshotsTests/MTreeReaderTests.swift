import Glibc
import TestSupport
import Testing

@testable import Snapshots

/// What a specification may grow to: lines stand for paths that others before them began.
@Suite struct MTreeReaderTests {
    private func read(_ specification: String, allowance: Int) throws -> [SnapshotEntry] {
        let file = try TemporaryDirectory([.file("spec", ByteString(specification))])
        let descriptor = open(file.appending("spec").text, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let input = SnapshotInput(path: Array("spec".utf8), descriptor: descriptor, beginning: [], isSeekable: true)
        let source = try MTreeReader(input, allowance: allowance).read()
        var entries: [SnapshotEntry] = []
        while let entry = try source.next() { entries.append(entry) }
        return entries
    }

    /// A thousand directories, one in the other, with two bytes each: a million bytes of paths.
    private let chain = "#mtree\n/set type=dir\n.\n" + String(repeating: "d\n", count: 1_000)

    @Test func aChainOfDirectoriesIsRead() throws {
        let entries = try read(chain, allowance: 2_000_000)
        #expect(entries.count == 1_001)
        #expect(entries.last?.key.path.count == 1_999)
        #expect(entries.map(\.key.path.count) == [0] + (1...1_000).map { 2 * $0 - 1 })
    }

    @Test func aFewLinesDoNotGrowWithoutBounds() throws {
        let failure = try #require(throws: SnapshotFailure.self) { try read(chain, allowance: 500_000) }
        // 64 times the 1,600 bytes so far, and 500,000.
        #expect(failure.message.hasPrefix("line ") && failure.message.contains("far more than the file has"))
        let links = "#mtree\n/set type=link link=" + String(repeating: "x", count: 5_000) + "\n"
        let many = links + (0..<1_000).map { "\($0)\n" }.joined()
        #expect(throws: SnapshotFailure.self) { try read(many, allowance: 1_000_000) }
        #expect(try read(many, allowance: 5_000_000).count == 1_000)
    }

    @Test func dotsLeadUpwards() throws {
        let paths = try read("#mtree\n/set type=dir\n.\na\nb\n..\nc\n..\n..\nd\n..\n..\n./e/f\ng\n", allowance: 0)
            .map { String(decoding: $0.key.path, as: UTF8.self) }
        #expect(paths == ["", "a", "a/b", "a/c", "d", "e/f", "g"])
        #expect(throws: SnapshotFailure.self) { try read("#mtree\n..\n", allowance: 0) }
    }
}
