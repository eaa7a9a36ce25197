import Entries
import Glibc
import TestSupport
import Testing

@testable import ScanEngine

/// Digests of directories against git, swh.model and an independent Python program.
@Suite struct TreeDigestTests {
    /// Trees that git can represent: no empty directories, no special files.
    static let gitTree: Tree = [
        // "a.b" < "a/" < "a0": with the slash left out, "a" would come first.
        .directory("a", [.file("x", "1")]),
        .file("a.b", "2"),
        .file("a0", "3"),
        .file("a-", "4"),
        .directory("a.d", [.file("y", "5")]),
        .directory("abcdefgh", [.file("eight", "name as long as the key")]),
        .file("abcdefgh.", "6"), .file("abcdefgh0", "7"), .file("abcdefg", "8"),
        .directory("abcdefg0", [.file("z", "")]),
        .directory([0xff], [.file([0xfe, 0x0a], "not UTF-8")]), .file([0xff, 0x2e], ""), .file([0xff, 0x30], ""),
        .file([0x01], "control"), .file("\n", "newline"), .file(" ", "blank"), .file("\"quoted\\\"", "q"),
        .file("empty"),
        .file("run", "#!/bin/sh\n", mode: 0o755),
        .symlink("link", to: "nowhere"),
        .symlink("to-directory", to: "a"),
        .symlink("bytes", to: [0xff, 0x0a, 0x80]),
        .file(ByteString([UInt8](repeating: 0x6e, count: 255)), "longest name"),
        .chain("deep", depth: 60, [.file("bottom", "b")]),
    ]

    static let oddNames = Tree((try? OddNames.load())!.map { Node.file($0, $0) })

    /// git checks the owner's execute bit, swh.model any: for these two, git's rule applies.
    static let executableForOthers: Tree = [
        .file("group-may-run", "#!/bin/sh\n", mode: 0o654), .file("others-may-run", "#!/bin/sh\n", mode: 0o645),
    ]

    /// Trees that only swh.model and Merkle trees over other digests can represent.
    static let oddTree =
        gitTree + [.directory("odd-names", oddNames)] + [
            .directory("no-entries"), .directory("nothing", [.directory("below")]),
            .fifo("fifo"), .fifo("executable-fifo", mode: 0o755), .socket("socket"),
        ]

    @Test func aTreeOfFilesHasGitsTreeID() throws {
        let directory = try TemporaryDirectory(Self.gitTree + Self.executableForOthers)
        let repository = try TemporaryDirectory()
        let options = ProcessOptions {
            $0.environment = [
                "GIT_DIR": repository.appending(".git").text, "GIT_WORK_TREE": directory.path.text,
                "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
            ]
            $0.directory = directory.path
        }
        _ = try output(of: ["git", "init", "-q"], options)
        _ = try output(of: ["git", "-c", "core.autocrlf=false", "add", "-A", "-f"], options)
        let theirs = try firstWord(["git", "write-tree"], options)
        #expect(try directoryDigests(directory.path, [.git]) == [.git: theirs])
    }

    @Test func anOddTreeHasItsSoftwareHeritageID() throws {
        let directory = try TemporaryDirectory(Self.oddTree)
        _ = try Repository.python()
        let swh = Repository.path(".venv/bin/swh")
        let theirs = try firstWord([swh, "identify", "--no-filename", directory.path])
        let ours = try #require(try directoryDigests(directory.path, [.git])[.git])
        #expect("swh:1:dir:" + ours == theirs)
    }

    @Test func anOddTreeHasThePythonOraclesDigestsForEveryOtherAlgorithm() throws {
        let directory = try TemporaryDirectory(
            Self.oddTree + Self.executableForOthers + (geteuid() == 0 ? Self.devices : []))
        let ours = try directoryDigests(directory.path, DigestAlgorithm.allCases)
        let oracle = Repository.path("Tests/oracles/merkle.py")
        // hashlib has no XXH3; it uses the same code here as the others.
        for algorithm in DigestAlgorithm.allCases where algorithm != .git && algorithm != .xxh128 {
            let theirs = try firstWord(["python3", oracle, ByteString(algorithm.rawValue), directory.path])
            #expect(ours[algorithm] == theirs, "\(algorithm)")
        }
    }

    static let devices: Tree = [
        .characterDevice("null", major: 1, minor: 3), .blockDevice("ram", major: 1, minor: 0, mode: 0o600),
    ]

    @Test func anEmptyDirectoryIsGitsEmptyTree() throws {
        let directory = try TemporaryDirectory()
        #expect(
            try directoryDigests(directory.path, [.git, .sha1]) == [
                .git: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", .sha1: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            ])
    }

    @Test func anUnknownEntryMakesTheDirectoryUnknownWhereverItComes() throws {
        for position in 0..<3 {
            var builder = Builder()
            for index in 0..<3 { index == position ? builder.addUnknown() : builder.add("n\(index)") }
            #expect(builder.finish() == nil)
        }
        var left = Builder()
        left.add("a")
        var right = Builder()
        right.addUnknown()
        left.merge(right)
        left.add("b")
        #expect(left.finish() == nil)
    }

    @Test(arguments: [
        (["a", "a"], []), (["a", "b", "a"], []), ([], ["a", "a"]), (["a"], ["a"]), (["a", "a.b", "a-"], ["a"]),
        (["abcdefgh", "abcdefgh!"], ["abcdefgh"]), (["abcdefghij", "abcdefghij-x"], ["abcdefghij"]),
    ])
    func aNameGivenTwiceMakesTheDirectoryUnknown(files: [String], directories: [String]) throws {
        var builder = Builder()
        for name in files { builder.add(name) }
        for name in directories { builder.add(name, S_IFDIR | 0o755) }
        #expect(builder.finish() == nil)
    }

    @Test func namesThatOnlyLookAlikeAreNotRepeats() throws {
        var builder = Builder()
        for name in ["a", "a.", "a0", "abcdefgh", "abcdefghi", "b-"] { builder.add(name) }
        for name in ["b", "b.", "b0", "abcdefg", "abcdefgh0"] { builder.add(name, S_IFDIR | 0o755) }
        #expect(builder.finish() != nil)
    }

    @Test func slicesMergeInAnyOrder() throws {
        let names = (0..<5_000).map { "name\($0 &* 7919 % 5_000)" }
        var whole = Builder()
        for name in names { whole.add(name) }
        let expected = try #require(whole.finish())
        var slices = (0..<7).map { _ in Builder() }
        for (index, name) in names.enumerated() { slices[index % 7].add(name) }
        for order in [[0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0], [3, 0, 6, 1, 5, 2, 4]] {
            var merged = Builder()
            for slice in order { merged.merge(slices[slice]) }
            #expect(merged.finish() == expected)
        }
    }

    /// A directory whose entries all have the digest of zero bytes.
    private struct Builder {
        private var tree = TreeDigest(Self.methods.set)
        private static let methods = try! DigestMethods(DigestSet([.sha256, .git]))
        private static let emptyRow: [UInt8] = {
            var digest = MultiDigest(methods)
            var row: [UInt8] = []
            digest.digest(UnsafeRawBufferPointer(start: nil, count: 0), appendingTo: &row)
            return row
        }()

        mutating func add(_ name: String, _ mode: UInt32 = S_IFREG | 0o644) {
            var name = name
            name.withUTF8 { tree.append(name: UnsafeRawBufferPointer($0), mode: mode, row: Self.emptyRow) }
        }

        mutating func addUnknown() { tree.appendUnknown() }

        mutating func merge(_ other: Builder) { tree.merge(other.tree) }

        func finish() -> [UInt8]? {
            var digest = MultiDigest(Self.methods)
            var out: [UInt8] = []
            let tree = self.tree
            return tree.finish(with: &digest, appendingTo: &out) ? out : nil
        }
    }
}
