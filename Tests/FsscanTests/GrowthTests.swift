// `fsscan diff --growth`: the sums of directories against du and find, on both sides.

import Foundation
import ScanEngine
import TestSupport
import Testing

private struct Sums: Decodable, Equatable {
    var entries, apparentBytes, diskBytes: Int64
}

private struct GrowthReport: Decodable {
    struct Directory: Decodable {
        var path, change: String
        var growth: Sums
        var old, new: Sums?
    }
    struct All: Decodable {
        var growth: Sums
        var old, new: Sums?
        var oldEntriesRead, directoriesSkipped, directoriesChanged: Int64
    }

    var directories: [Directory]
    var roots: [Directory]
    var totals: All
    var status: Int

    init(_ arguments: [ByteString], status: Int32) throws {
        let outcome = try Fsscan.run(["diff", "--growth", "--json", "--top", "1000"] + arguments)
        #expect(outcome.status == status, "\(outcome.errorText)")
        try expectValid("growth", outcome.standardOutput)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(GrowthReport.self, from: Data(outcome.standardOutput))
    }
}

@Suite struct GrowthTests {
    private let tree: Tree = [
        .directory(
            "grows",
            [.file("log", "x"), .directory("deep", [.file("f", ByteString([UInt8](repeating: 1, count: 9000)))])]),
        .directory("same", [.file("a", "1"), .directory("b", [.file("c", "2")])]),
        .directory("shrinks", [.file("big", ByteString([UInt8](repeating: 1, count: 100_000))), .file("small", "1")]),
        .directory("goes", [.file("x", "x"), .directory("too", [.file("y", "y")])]),
        .directory("links", [.file("one", ByteString([UInt8](repeating: 1, count: 20_000)))]),
        .directory(
            "others",
            [
                .hardLink("two", to: "links/one"),
                .directory("below", [.hardLink("three", to: "links/one"), .hardLink("four", to: "links/one")]),
            ]),
        .file("becomes", "a directory"), .directory("becomes a file", [.file("f", "f")]), .symlink("s", to: "12345"),
    ]

    private let script = """
        cd "$0"; head -c 300000 /dev/zero > grows/log; : > grows/deep/new; truncate -s 10 shrinks/big; rm -r goes
        mkdir -p comes/deep; head -c 7000 /dev/zero > comes/deep/f; rm others/below/three; ln links/one comes/five
        rm becomes; mkdir becomes; echo x > becomes/x; rm -r 'becomes a file'; echo file > 'becomes a file'
        """

    /// The figures of du and find for each directory, by path below the directory.
    private func directories(_ directory: TemporaryDirectory) throws -> [String: Sums] {
        let script = #"""
            cd "$0"; find . -type d -print0 | while IFS= read -r -d '' d; do
                printf '%s\t%s\t%s\t%s\n' "$(find "$d" | wc -l)" \
                    "$(find "$d" \( -type f -o -type l \) -printf '%i %s\n' | sort -u | awk '{ s += $2 } END { print s + 0 }')" \
                    "$(du -s -B1 "$d" | cut -f 1)" "$d"
            done
            """#
        let text = String(decoding: try output(of: ["bash", "-c", ByteString(script), directory.path]), as: UTF8.self)
        var sums: [String: Sums] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t").map(String.init)
            sums[String(fields[3].dropFirst(2))] = Sums(
                entries: Int64(fields[0])!, apparentBytes: Int64(fields[1])!, diskBytes: Int64(fields[2])!)
        }
        return sums
    }

    private func difference(_ old: Sums?, _ new: Sums?) -> Sums {
        Sums(
            entries: (new?.entries ?? 0) - (old?.entries ?? 0),
            apparentBytes: (new?.apparentBytes ?? 0) - (old?.apparentBytes ?? 0),
            diskBytes: (new?.diskBytes ?? 0) - (old?.diskBytes ?? 0))
    }

    @Test func theGrowthOfEachDirectoryAgreesWithDuAndFind() throws {
        let directory = try TemporaryDirectory(tree)
        let file = try SavedFile()
        let records = file.directory.appending("records")
        try file.save([directory.path])
        _ = try output(of: [Fsscan.path, "--ndjson", "-o", records, directory.path])
        let before = try directories(directory)
        _ = try output(of: ["sh", "-ec", ByteString(script), directory.path])
        let after = try directories(directory)
        try file.save([directory.path])
        let zero = Sums(entries: 0, apparentBytes: 0, diskBytes: 0)
        let paths = Set(before.keys).union(after.keys)
        // A name that was a file on one side counts in the directory's line, where du sees no directory.
        let names = paths.filter { !$0.hasPrefix("becomes") && difference(before[$0], after[$0]) != zero }
        for sides in [[file.path + "#1", file.path], [file.path + "#1", directory.path], [records, directory.path]] {
            let report = try GrowthReport(sides, status: 1)
            var found: [String: GrowthReport.Directory] = [:]
            for item in report.directories {
                found[String(item.path.dropFirst(directory.path.text.count + 1))] = item
            }
            for name in names { #expect(found[name]?.growth == difference(before[name], after[name]), "\(name)") }
            #expect(Set(found.keys.filter { !$0.hasPrefix("becomes") }) == names)
            #expect(found["goes"]?.change == "removed" && found["comes/deep"]?.change == "added")
            #expect(found["shrinks"]?.change == "shrunk" && found["grows"]?.change == "grown")
            #expect(found["becomes"]?.growth.entries == 1 && found["becomes a file"]?.growth.entries == -1)
            #expect(report.totals.growth == difference(before[""], after[""]))
            // The sums of the two scans, also if equal directories were not read.
            #expect(report.totals.old == before[""] && report.totals.new == after[""])
            #expect(report.totals.directoriesSkipped == 0)
            // Of two scans of one file only what has changed is read.
            if sides[1] != file.path {
                #expect(found["grows"]?.old == before["grows"] && found["grows"]?.new == after["grows"])
            }
            let magnitudes = report.directories.map(\.growth.diskBytes.magnitude)
            #expect(magnitudes == magnitudes.sorted(by: >))
        }
    }

    @Test func everyDirectoryThatChangedIsALineBehindThoseBelowIt() throws {
        let directory = try TemporaryDirectory(tree)
        let file = try SavedFile()
        try file.save([directory.path])
        _ = try output(of: ["sh", "-ec", ByteString(script), directory.path])
        let outcome = try Fsscan.run(["diff", "--growth", "--ndjson", "--top", "1", file.path, directory.path])
        #expect(outcome.status == 1)
        try expectValid("growth", outcome.standardOutput)
        let lines = try run(
            ["jq", "-r", "select(.type == \"directory\") | .path"], ProcessOptions { $0.input = outcome.standardOutput }
        )
        let paths = lines.outputText.replacing(directory.path.text, with: "").split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(
            paths.dropLast() == [
                "/becomes", "/becomes a file", "/comes/deep", "/comes", "/goes/too", "/goes", "/grows/deep", "/grows",
                "/others/below", "/others", "/shrinks", "",
            ])
    }

    @Test func theLackOfGrowthIsReported() throws {
        let directory = try TemporaryDirectory(tree)
        let file = try SavedFile()
        try file.save([directory.path])
        try file.save([directory.path])
        for sides in [[file.path + "#1", file.path], [file.path, directory.path]] {
            let outcome = try Fsscan.run(["diff", "--growth"] + sides)
            #expect(outcome.status == 0 && outcome.outputText == "Nothing has grown or shrunk.\n")
        }
        let report = try GrowthReport([file.path + "#1", file.path], status: 0)
        // The PATH, what is in it, and names of inodes that have several.
        #expect(report.totals.oldEntriesRead < 20 && report.roots.map(\.change) == ["same"])
        #expect(report.totals.old == report.totals.new && report.totals.old?.entries ?? 0 > 20)
    }

    @Test func theTextHasSignsAndTheLargestChangeFirst() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.file("f", "x")]), .directory("b\n", [.file("g", "x")]), .directory("c"),
        ])
        let file = try SavedFile()
        try file.save([directory.path])
        let script = "cd \"$0\"; head -c 3000000 /dev/zero > a/f; rm \"$1/g\"; mkdir d"
        _ = try output(of: ["sh", "-ec", ByteString(script), directory.path, "b\n"])
        let outcome = try Fsscan.run(["diff", "--growth", "--rank", "entries", "--top", "3", file.path, directory.path])
        let lines = outcome.outputText.replacing(directory.path.text, with: "D").split(separator: "\n")
        #expect(outcome.status == 1 && lines.count == 6, "\(outcome.outputText)")
        #expect(lines[0].hasSuffix("ENTRIES  DIRECTORY") && lines[1].contains(/^ *-[0-9.]+ K?i?B +-1 B +-1  D\/b\\n$/))
        #expect(lines[2].contains(/\ \+1  D\/d  \(new\)$/))
        #expect(lines[3].contains(/^ *\+2\.[89] MiB +\+2\.9 MiB +0  D$/), "\(lines[3])")
        #expect(lines[5] == "1 more directory changed: --top shows more.")
    }

    @Test func unreadableEntriesEndWith2() throws {
        let directory = try TemporaryDirectory([.file("f", "x")])
        let file = try SavedFile()
        try file.save([directory.path])
        let missing = try Fsscan.run(["--ndjson", "-o", file.directory.appending("records"), directory.path + "/gone"])
        #expect(missing.status == 1)
        let report = try GrowthReport([file.path, file.directory.appending("records")], status: 2)
        #expect(report.status == 2 && report.roots.map(\.change) == ["removed"])
    }

    @Test(
        arguments: [
            (["--growth", "--only", "added"], 64), (["--top", "3"], 64), (["--rank", "disk"], 64),
            (["--growth", "--rank", "newest"], 64), (["--growth", "--ignore", "mtime"], 64),
        ] as [([ByteString], Int32)])
    func optionsOfTheOtherKindAreWrongUsage(options: [ByteString], status: Int32) throws {
        let outcome = try Fsscan.run(["diff"] + options + ["/etc", "/etc"])
        #expect(outcome.status == status && outcome.outputText.isEmpty, "\(outcome.errorText)")
    }

    @Test func aListWithoutSizesIsRefused() throws {
        let directory = try TemporaryDirectory([.file("f", "x")])
        let list = try SavedFile().directory
        _ = try output(of: [Fsscan.path, "--format", "sha256sum", "-o", list.appending("sums"), directory.path])
        let outcome = try Fsscan.run(["diff", "--growth", list.appending("sums"), directory.path])
        #expect(outcome.status == 2 && outcome.errorText.contains("--growth needs the sizes of all entries"))
    }
}
