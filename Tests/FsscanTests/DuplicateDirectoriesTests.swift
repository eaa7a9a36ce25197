// `fsscan duplicates`: equal directories.

import Foundation
import TestSupport
import Testing

@Suite struct DuplicateDirectoriesTests {
    private struct Found: Decodable {
        struct Directories: Decodable {
            struct Path: Decodable { var path: String }
            var size, files, diskBytes: Int64
            var directories: [Path]
            var names: Set<String> { Set(directories.map { String($0.path.split(separator: "/").last!) }) }
        }
        var directories: [Directories]?
        var groups: [FoundDuplicates.Group]
    }

    private func find(_ arguments: [ByteString]) throws -> Found {
        let outcome = try Fsscan.run(["duplicates", "--json"] + arguments)
        #expect(outcome.status == 1, "\(outcome.errorText)")
        try expectValid("duplicates", outcome.standardOutput)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Found.self, from: Data(outcome.standardOutput))
    }

    private let part: Tree = [
        .file("x", "content of x"), .file("empty"), .symlink("l", to: "x"),
        .directory("in", [.file("y", "content of y", mode: 0o600), .directory("nothing")]),
    ]

    @Test func equalTreesAreOneGroup() throws {
        let directory = try TemporaryDirectory([
            .directory("a", part), .directory("b", part), .directory("c", part + [.file("more", "more")]),
            .directory("empty1"), .directory("empty2"),
        ])
        let found = try find([directory.path])
        // c/in equals the other two, which are in a and b: these three are one more than a and b imply.
        #expect(Set(found.directories?.map(\.names) ?? []) == [["a", "b"], ["in"]])
        let trees = try #require(found.directories?.first { $0.names == ["a", "b"] })
        #expect(trees.files == 3 && trees.size == 24)
        #expect(found.groups.count == 2, "the JSON has all files")
        #expect(try find(["--no-directories", directory.path]).directories == nil)
    }

    @Test func treesThatDifferAnywhereAreNotEqual() throws {
        for difference: Node in [
            .file("more", "more"), .fifo("p"), .symlink("s", to: "x"), .directory("d"), .file("e"),
        ] {
            let directory = try TemporaryDirectory([
                .directory("a", part), .directory("b", part + [difference]),
            ])
            #expect(try find([directory.path]).directories?.map(\.names) == [["in"]], "\(difference)")
        }
        let mode = try TemporaryDirectory([
            .directory("a", [.file("x", "same", mode: 0o600)]), .directory("b", [.file("x", "same", mode: 0o644)]),
            .directory("c", [.file("x2", "same", mode: 0o644)]),
        ])
        #expect(try find([mode.path]).directories?.isEmpty == true)
        let small = try TemporaryDirectory([
            .directory("a", [.file("x", "large"), .file("s", "1")]),
            .directory("b", [.file("x", "large"), .file("s", "2")]),
        ])
        #expect(try find(["--min-size", "2", small.path]).directories?.isEmpty == true)
        #expect(try find(["--exclude", "s", small.path]).directories?.isEmpty == true)
    }

    /// Only the top of an equal tree is shown, and the text does not list its contents.
    @Test func entriesOfEqualTreesAreNotShownAgain() throws {
        let deep: Tree = [.directory("1", [.directory("2", [.directory("3", part)])])]
        let directory = try TemporaryDirectory([.directory("a", deep), .directory("b", deep)])
        let found = try find([directory.path])
        #expect(found.directories?.map(\.names) == [["a", "b"]])
        #expect(found.directories?[0].diskBytes == found.groups.reduce(0) { $0 + $1.reclaimableBytes })
        let text = try Fsscan.run(["duplicates", directory.path]).outputText
        #expect(text.contains("/a\n") && !text.contains("/x\n"))
        #expect(try Fsscan.run(["duplicates", "--no-directories", directory.path]).outputText.contains("/x\n"))
    }

    /// A name in a listing may have another inode than stat says: here a file is mounted on it.
    @Test(.enabled(if: canMount, "\(mountObstacle ?? "")")) func aFileWithAnotherMountedOnItIsThatOther() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.file("x", "same")]), .directory("b", [.file("x", "same")]),
            .directory("c", [.hardLink("link", to: "b/x")]), .file("other", "else"),
        ])
        let script: ByteString = """
            cd "$1"; "$2" duplicates .; mount --bind other b/x && "$2" duplicates .
            """
        let outcome = try run(["unshare", "-m", "bash", "-c", script, "bash", directory.path, Fsscan.path])
        let text = outcome.outputText
        #expect(text.split(separator: "\n").filter { $0 == "./b" }.count == 1, "\(text)\(outcome.errorText)")
        #expect(text.contains("equal directories") && text.contains("./c/link\n"))
    }

    /// What is mounted in a tree may be anything: the directory below it does not count.
    @Test(.enabled(if: canMount, "\(mountObstacle ?? "")")) func aTreeWithAMountIsEqualToNoOther() throws {
        let tree: Tree = [.file("x", "same"), .directory("m"), .directory("in", [.file("y", "the same")])]
        let directory = try TemporaryDirectory([.directory("a", tree), .directory("b", tree)])
        let script: ByteString = """
            cd "$1"; "$2" duplicates .; mount -t tmpfs tmpfs b/m && "$2" duplicates .; "$2" duplicates -x .
            """
        let outcome = try run(["unshare", "-m", "bash", "-c", script, "bash", directory.path, Fsscan.path])
        let lines = outcome.outputText.split(separator: "\n")
        #expect(lines.filter { $0 == "./b" }.count == 1, "\(outcome.outputText)\(outcome.errorText)")
        #expect(lines.filter { $0 == "./b/in" }.count == 2)
    }

    /// A name that was left out may still be one of an inode in a group.
    @Test func namesOfOneInodeAreToldApart() throws {
        let part: Tree = [.file("x", "same"), .file("x2", "same")]
        let directory = try TemporaryDirectory([.directory("a", part), .directory("b", part)])
        _ = try Fsscan.shell("ln a/x a/y; ln a/x a/z; ln b/x b/y; ln b/x b/z", in: directory)
        for options: [ByteString] in [[], ["--exclude", "y"]] {
            #expect(try find(options + [directory.path]).directories?.map(\.names) == [["a", "b"]], "\(options)")
        }
        _ = try Fsscan.shell("mv b/z b/other", in: directory)
        #expect(try find([directory.path]).directories?.isEmpty == true)
    }

    @Test func aPathMayEndInASlash() throws {
        let directory = try TemporaryDirectory([.directory("a", part), .directory("b", part)])
        for end: ByteString in ["", "/", "//"] {
            let paths = ["a", "b"].map { directory.appending($0) + end }
            let found = try find(paths)
            #expect(found.directories?.count == 1 && found.directories?[0].directories.count == 2, "\(end)")
        }
    }

    @Test func aDeepTreeIsEqualToItsCopy() throws {
        let chain: Tree = [.chain("a directory of a chain", depth: 400, [.file("x", "content")])]
        let directory = try TemporaryDirectory([.directory("one", chain), .directory("two", chain)])
        #expect(try find([directory.path]).directories?.map(\.names) == [["one", "two"]])
    }
}
