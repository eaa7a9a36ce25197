// `fsscan duplicates` against the SHA-256 of every file (Tests/oracles/duplicates.py), and on hostile input.

import Foundation
import TestSupport
import Testing

/// The parts of the JSON that the tests use.
struct FoundDuplicates: Decodable {
    struct File: Decodable {
        var path: String
        var inode: UInt64
    }
    struct Group: Decodable {
        var size, reclaimableBytes, sharedBytes: Int64
        var files: [File]
        var paths: [String] { files.map(\.path) }
    }
    struct Unique: Decodable { var path: String }
    struct Trouble: Decodable { var path, code: String }
    struct Totals: Decodable {
        var files, inodes, groups, duplicateFiles, duplicateInodes, reclaimableBytes, filesRead, bytesRead: Int64
        var skipped, errors: Int64
    }

    var groups: [Group]?
    var unique: [Unique]?
    var errors: [Trouble]
    var totals: Totals
    var complete: Bool

    init(_ arguments: [ByteString], status: Int32, _ options: ProcessOptions = ProcessOptions()) throws {
        let outcome = try Fsscan.run(["duplicates", "--json"] + arguments, options)
        #expect(outcome.status == status, "\(outcome.errorText)")
        try expectValid("duplicates", outcome.standardOutput)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(FoundDuplicates.self, from: Data(outcome.standardOutput))
    }
}

@Suite struct DuplicatesTests {
    private static let ways: [[ByteString]] = [[], ["--hash", "sha256"], ["--compare"]]

    private func expectOracleAgrees(_ arguments: [ByteString], _ path: ByteString) throws {
        let outcome = try Fsscan.run(["duplicates", "--json"] + arguments + [path])
        #expect(outcome.status == 0 || outcome.status == 1, "\(outcome.errorText)")
        try expectValid("duplicates", outcome.standardOutput)
        let oracle = try run(
            [Repository.python(), Repository.path("Tests/oracles/duplicates.py"), "--check", path],
            ProcessOptions { $0.input = outcome.standardOutput })
        #expect(oracle.status == 0, "\(arguments): \(oracle.outputText)\(oracle.errorText)")
    }

    @Test(arguments: 1...6) func aRandomTreeHasTheDuplicatesOfSHA256(seed: UInt64) throws {
        let tree = Tree.random(seed: seed, entries: 400, names: try OddNames.load())
        let directory = try TemporaryDirectory(tree)
        for way in Self.ways {
            try expectOracleAgrees(way + ["--threads", "\(seed % 2 == 0 ? 1 : 7)"], directory.path)
        }
        try expectOracleAgrees(["--min-size", "0"], directory.path)
    }

    /// Sizes around those where the way of reading changes; contents that differ at a single place.
    @Test(arguments: ways) func filesThatDifferInOneByteAreApart(way: [ByteString]) throws {
        let directory = try TemporaryDirectory()
        let script = """
            import os, sys
            sizes = [1, 4095, 4096, 4097, 8191, 8192, 8193, 32767, 32768, 32769, 65536, 200000, 1 << 20, (1 << 24) + 1]
            for size in sizes:
                content = bytearray(os.urandom(size))
                for name, place in [("same", None), ("equal", None), ("first", 0), ("middle", size // 2), ("last", -1)]:
                    other = bytearray(content)
                    if place is not None:
                        other[place] ^= 1
                    with open(f"{sys.argv[1]}/{size} {name}", "wb") as file:
                        file.write(other)
            """
        _ = try output(of: ["python3", "-c", ByteString(script), directory.path])
        try expectOracleAgrees(way, directory.path)
        let found = try FoundDuplicates(way + [directory.path], status: 1)
        // Files of one byte with that byte flipped are the same at each position.
        #expect(found.groups?.count == 15)
        #expect(found.groups?.allSatisfy { $0.size == 1 || $0.files.count == 2 } == true)
    }

    /// Sizes are compared in batches: some of few files, others of more than a batch, of which some differ.
    @Test(arguments: ways) func manySizesAreComparedTogether(way: [ByteString]) throws {
        let directory = try TemporaryDirectory()
        let script = """
            import sys
            for size in range(1, 400):
                for name in range(200 if size % 90 == 0 else 2 + size % 3):
                    with open(f"{sys.argv[1]}/{size}-{name}", "wb") as file:
                        file.write(bytes([name % 2 if size % 4 == 0 else 0]) * size)
            """
        _ = try output(of: ["python3", "-c", ByteString(script), directory.path])
        try expectOracleAgrees(way, directory.path)
    }

    /// Zeros are zeros, whether or not they are holes.
    @Test(arguments: ways) func holesAreZeros(way: [ByteString]) throws {
        let directory = try TemporaryDirectory()
        _ = try Fsscan.shell(
            """
            set -e
            truncate -s 300M hole; cp hole other; printf x | dd of=end bs=1 seek=314572799 conv=notrunc status=none
            cp end copy; cp --sparse=never end written; printf y | dd of=other2 bs=1 seek=314572799 status=none
            printf x | dd of=early bs=1 count=1 status=none; truncate -s 300M early; cp early early2
            sync --file-system .
            """, in: directory)
        try expectOracleAgrees(way, directory.path)
        let found = try FoundDuplicates(way + [directory.path], status: 1)
        #expect(
            Set(found.groups?.map { Set($0.paths.map { $0.split(separator: "/").last! }) } ?? [])
                == [["hole", "other"], ["end", "copy", "written"], ["early", "early2"]])
    }

    @Test(.enabled(if: isTmpfs, "needs a tmpfs on /dev/shm"), arguments: [[], ["--compare"]] as [[ByteString]])
    func filesAsLargeAsCanBeCostNothing(way: [ByteString]) throws {
        let directory = try TemporaryDirectory(in: "/dev/shm")
        let script = """
            import os, sys
            for name, place in [("a", None), ("b", None), ("c", 5 << 60), ("d", 5 << 60), ("e", 2**63 - 2)]:
                with open(f"{sys.argv[1]}/{name}", "wb") as file:
                    os.truncate(file.fileno(), 2**63 - 1)
                    if place is not None:
                        os.pwrite(file.fileno(), b"x", place)
            """
        _ = try output(of: ["python3", "-c", ByteString(script), directory.path])
        let found = try FoundDuplicates(way + [directory.path], status: 1)
        #expect(found.groups?.map { Set($0.paths.map { String($0.last!) }) } ?? [] == [["c", "d"], ["a", "b"]])
        #expect(found.totals.bytesRead < 10 << 20)
    }

    @Test func sizesThatOccurOnceAreNotOpened() throws {
        let directory = try TemporaryDirectory([
            .file("a", "1"), .file("b", "22"), .directory("d", [.file("c", "333"), .hardLink("link", to: "a")]),
        ])
        let found = try FoundDuplicates([directory.path], status: 0)
        #expect(found.totals.filesRead == 0 && found.totals.files == 4 && found.totals.inodes == 3)
    }

    @Test func namesAreExact() throws {
        let directory = try TemporaryDirectory([
            .file([0xFF, 0x0A, 0x80], "same"), .file("a\nb", "same"),
            .directory([0xC3, 0x28], [.file([0x01], "same")]),
            .file("é", "alone"),
        ])
        let outcome = try Fsscan.run(["duplicates", "-0", directory.path])
        #expect(outcome.status == 1)
        let groups = outcome.standardOutput.split(separator: 0, omittingEmptySubsequences: false).dropLast(2)
        let expected = [[0xFF, 0x0A, 0x80], Array("a\nb".utf8), [0xC3, 0x28, 0x2F, 0x01]].map {
            directory.path.bytes + [UInt8(ascii: "/")] + $0
        }
        #expect(Set(groups.map { Array($0) }) == Set(expected))
        try expectOracleAgrees([], directory.path)
        let lines = try Fsscan.run(["duplicates", directory.path]).outputText.split(separator: "\n")
        #expect(lines.count == 5, "a name is a line")
        for form: ByteString in ["--json", "--ndjson"] {
            try expectValid("duplicates", Fsscan.run(["duplicates", form, directory.path]).standardOutput)
        }
    }

    @Test func hardLinksInTheirThousandsAreOneFile() throws {
        let directory = try TemporaryDirectory([.directory("d", [.file("f", "12345")])])
        _ = try Fsscan.shell(
            "for i in $(seq 3000); do echo d/f d/$i; done | xargs -n 2 -P 1 ln; cp d/f copy", in: directory,
            ProcessOptions { $0.timeout = 600 })
        let found = try FoundDuplicates([directory.path], status: 1)
        #expect(found.groups?.count == 1 && found.groups?[0].files.count == 3002)
        #expect(found.totals.inodes == 2 && found.totals.filesRead == 2)
        _ = try Fsscan.shell("rm copy", in: directory)
        let alone = try FoundDuplicates([directory.path], status: 0)
        #expect(alone.totals.filesRead == 0, "one inode is compared with nothing")
    }

    /// A FIFO is not opened, because that would release a writer; nothing is read from a socket.
    @Test func specialFilesAreNotOpened() throws {
        let directory = try TemporaryDirectory([
            .fifo("p1"), .fifo("p2"), .socket("s1"), .socket("s2"), .symlink("l1", to: "f"), .symlink("l2", to: "f"),
            .file("f", "1"), .file("g", "1"),
        ])
        let outcome = try Fsscan.shell(
            "(echo x > p1; echo opened > ../seen) & $F duplicates --json . ; kill $!", in: directory)
        let found = try JSONSerialization.jsonObject(with: Data(outcome.standardOutput)) as? [String: Any]
        let totals = try #require(found?["totals"] as? [String: Int])
        #expect(totals["files"] == 2 && totals["groups"] == 1 && outcome.errorText.isEmpty)
    }

    @Test func overlappingPathsCountOnce() throws {
        let directory = try TemporaryDirectory([.directory("d", [.file("a", "xy"), .file("b", "xy")])])
        let path = directory.path
        let found = try FoundDuplicates([path, path, path.appending("d"), path.appending("d/a")], status: 1)
        #expect(found.groups?.map(\.files.count) == [2])
        #expect(found.totals.reclaimableBytes == found.groups?[0].reclaimableBytes)
    }

    /// The two files of Wang and Yu (2004) with the same MD5.
    @Test func anMD5CollisionIsNoDuplicate() throws {
        let directory = try TemporaryDirectory()
        let script = """
            import hashlib, sys
            one = bytes.fromhex(
                "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a"
                "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
                "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70")
            other = bytearray(one)
            for place in (19, 45, 59, 83, 109, 123):
                other[place] ^= 0x80
            assert one != other and hashlib.md5(one).digest() == hashlib.md5(other).digest()
            open(sys.argv[1] + "/one", "wb").write(one)
            open(sys.argv[1] + "/other", "wb").write(other)
            """
        _ = try output(of: ["python3", "-c", ByteString(script), directory.path])
        for way in Self.ways { #expect(try FoundDuplicates(way + [directory.path], status: 0).groups?.isEmpty == true) }
        let refused = try Fsscan.run(["duplicates", "--hash", "md5", directory.path])
        #expect(refused.status == 64 && refused.errorText.contains("md5"))
    }

    @Test func theSameTreeGivesTheSameBytes() throws {
        let directory = try TemporaryDirectory(Tree.random(seed: 99, entries: 600, names: try OddNames.load()))
        for form: ByteString in ["--json", "--ndjson", "--format=text", "-0"] {
            let outputs = try ["1", "2", "9"].map { threads in
                try Fsscan.run(["duplicates", form, "--threads", ByteString(threads), directory.path]).standardOutput
            }
            #expect(outputs[0] == outputs[1] && outputs[1] == outputs[2], "\(form)")
        }
    }

    @Test func filesInNoGroupAreUnique() throws {
        let directory = try TemporaryDirectory(Tree.random(seed: 5, entries: 500, names: try OddNames.load()))
        let all = try output(of: ["find", directory.path, "-type", "f", "-size", "+0", "-print0"]).split(separator: 0)
        let grouped = try Fsscan.run(["duplicates", "-0", directory.path]).standardOutput.split(separator: 0)
        for threads: ByteString in ["1", "5"] {
            let unique = try Fsscan.run(["duplicates", "--unique", "-0", "--threads", threads, directory.path])
            #expect(unique.status == 1)
            let paths = unique.standardOutput.split(separator: 0)
            #expect(Set(paths) == Set(all).subtracting(grouped) && paths.count == Set(paths).count)
        }
        _ = try FoundDuplicates(["--unique", directory.path], status: 1)
    }

    @Test func optionsOfTheScanSelect() throws {
        let directory = try TemporaryDirectory([
            .file(".gitignore", "*.o\n"), .file("a.o", "123"), .file("b.o", "123"), .file("c", "4567"),
            .file("d", "4567"), .file("e", ""), .file("f", ""),
        ])
        func groups(_ options: [ByteString]) throws -> [Int64] {
            try FoundDuplicates(options + [directory.path], status: 1).groups!.map(\.size).sorted()
        }
        #expect(try groups([]) == [3, 4])
        #expect(try groups(["--min-size", "0"]) == [0, 3, 4])
        #expect(try groups(["--max-size", "3"]) == [3])
        #expect(try groups(["--min-size", "4"]) == [4])
        #expect(try groups(["--exclude", "*.o"]) == [4])
        #expect(try groups(["--gitignore"]) == [4])
        #expect(try Fsscan.run(["duplicates", "--min-size", "4", "--max-size", "3", directory.path]).status == 64)
    }

    @Test func keepSaysWhichFileIsFirst() throws {
        let directory = try TemporaryDirectory([
            .file("b-old", "same", mtime: 1_000), .file("long-name-of-middle-age", "same", mtime: 2_000),
            .directory("d", [.file("new", "same", mtime: 3_000)]), .file("s", "same", mtime: 2_500), .directory("long"),
        ])
        func first(_ rule: ByteString) throws -> String {
            let found = try FoundDuplicates(["--keep", rule, directory.path], status: 1)
            return String(found.groups![0].paths[0].split(separator: "/").last!)
        }
        #expect(try Fsscan.run(["duplicates", "--keep", "oldset", directory.path]).status == 64)
        #expect(try first("oldest") == "b-old")
        #expect(try first("newest") == "new")
        #expect(try first("shortest") == "s")
        #expect(try first(directory.path.appending("d")) == "new")
        #expect(try first(directory.path.appending("d/")) == "new")
        #expect(try first(directory.path.appending("long")) == "b-old", "a name that begins alike is no directory")
    }

    @Test func unreadableFilesEndWithTwo() throws {
        let directory = try TemporaryDirectory([.file("a", "1"), .file("b", "1")])
        let found = try FoundDuplicates([directory.path, directory.path.appending("missing")], status: 2)
        #expect(found.groups?.count == 1 && found.errors.map(\.code) == ["ENOENT"])
        let text = try Fsscan.run(["duplicates", directory.path.appending("missing"), directory.path])
        #expect(text.status == 2 && text.errorText.contains("missing") && text.outputText.contains("1 error"))
    }

    @Test(.enabled(if: isRoot, "needs root, to run as another user")) func anUnreadableFileIsReportedAndInNoGroup()
        throws
    {
        let directory = try TemporaryDirectory([
            .file("a", "1"), .file("b", "1"), .file("closed", "1", mode: 0), .file("d", "22"),
            .file("e", "22", mode: 0),
        ])
        let program = try Fsscan.copy(to: directory)
        let outcome = try run(
            [program, "duplicates", "--json", "--max-size", "9", directory.path],
            ProcessOptions { $0.asOrdinaryUser = true })
        #expect(outcome.status == 2)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let found = try decoder.decode(FoundDuplicates.self, from: Data(outcome.standardOutput))
        #expect(found.groups?.map { Set($0.paths.map { String($0.last!) }) } == [["a", "b"]])
        #expect(found.errors.map(\.code) == ["EACCES", "EACCES"])
    }

    /// Longer than any path that the kernel accepts.
    @Test func theBottomOfADeepChainIsReached() throws {
        let directory = try TemporaryDirectory([
            .chain("a directory of a chain", depth: 1_000, [.file("x", "content"), .file("y", "content")]),
            .file("z", "content"),
        ])
        let found = try FoundDuplicates([directory.path], status: 1)
        #expect(found.groups?.map(\.files.count) == [3] && found.totals.errors == 0)
    }

    @Test func fewDescriptorsDo() throws {
        let directory = try TemporaryDirectory(Tree.random(seed: 3, entries: 300, names: try OddNames.load()))
        let expected = try Fsscan.run(["duplicates", "--json", directory.path]).standardOutput
        let few = try Fsscan.run(
            ["duplicates", "--json", "--threads", "8", directory.path], ProcessOptions { $0.limits = ["nofile": 24] })
        #expect(few.standardOutput == expected, "\(few.errorText)")
    }

    /// A writer appends all the time: files reported as equal were equal for a moment, and nothing hangs.
    @Test func growingFilesAreReportedOrLeftOut() throws {
        let directory = try TemporaryDirectory([.file("still", "same"), .file("copy", "same")])
        let outcome = try Fsscan.shell(
            """
            head -c 3000000 /dev/urandom > a; cp a b
            (while :; do echo more >> a; done) & writer=$!
            for i in 1 2 3 4 5 6 7 8 9 10; do
                $F duplicates --json . > report; status=$?
                jq -c --argjson status $status '[$status, (.errors | map(.code) | unique), (.groups | length)]' report
            done
            kill $writer
            """, in: directory)
        let lines = outcome.outputText.split(separator: "\n")
        #expect(lines.count == 10)
        // Two groups if both were read before the first byte was written.
        for line in lines { #expect(["[1,[],1]", "[1,[],2]", "[2,[\"CHANGED\"],1]"].contains(line), "\(line)") }
    }

    @Test(
        .enabled(
            if: canMount && kernelKnows("xfs") && kernelKnows("btrfs"), "needs xfs and btrfs: \(mountObstacle ?? "")"),
        arguments: ["xfs", "btrfs"])
    func sharedExtentsAreNotToBeGained(type: String) throws {
        let directory = try TemporaryDirectory()
        let script = """
            set -e; cd mount; mkdir t outside
            head -c 1048576 /dev/urandom > t/a; cp --reflink=always t/a t/clone; cp --reflink=never t/a t/copy
            head -c 1048576 /dev/urandom > t/p; cp --reflink=always t/p t/half; sync -f .
            # Its first half is written again: the same bytes, in extents of its own.
            dd if=t/p of=t/half bs=65536 count=8 conv=notrunc status=none
            head -c 1048576 /dev/urandom > t/o; cp --reflink=never t/o outside/o; cp --reflink=always outside/o t/away
            sync -f .; touch -d @1000 t/a t/p t/o
            set +e; "$1" duplicates --json t; test $? = 1
            """
        let outcome = try run(
            [
                "unshare", "-m", Repository.path("Tests/faults/with-mount.sh"), ByteString(type), directory.path, "10",
                "bash", "-c", ByteString(script), "bash", Fsscan.path,
            ], ProcessOptions { $0.timeout = 300 })
        try #require(outcome.status == 0, "\(outcome.errorText)")
        try expectValid("duplicates", outcome.standardOutput)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let groups = try #require(
            try decoder.decode(FoundDuplicates.self, from: Data(outcome.standardOutput)).groups)
        func group(_ name: String) -> FoundDuplicates.Group? { groups.first { $0.paths[0] == "t/\(name)" } }
        #expect(groups.count == 3)
        // The clone already shares a's extents; the copy has its own.
        #expect(group("a")?.reclaimableBytes == 1_048_576 && group("a")?.sharedBytes == 1_048_576)
        #expect(group("p")?.reclaimableBytes == 524_288 && group("p")?.sharedBytes == 524_288)
        // Extents shared with something outside stay on the disk.
        #expect(group("o")?.reclaimableBytes == 0 && group("o")?.sharedBytes == 0)
    }
}
