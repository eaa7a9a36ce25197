// `fsscan duplicates --reflink` and `--hardlink`: the reclaimed files, the files left alone, and that no data is lost
// when the program is killed or others write meanwhile.

import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct ReclaimTests {
    private struct Log: Decodable {
        struct Action: Decodable {
            var path: String
            var done: Bool
            var reason: String?
            var bytes: Int64?
        }
        struct Reclaimed: Decodable { var files, left, bytes: Int64 }
        var actions: [Action]
        var reclaimed: Reclaimed

        func reason(_ name: String) -> String? { actions.first { $0.path.hasSuffix("/" + name) }?.reason }
    }

    private func reclaim(_ arguments: [ByteString], status: Int32 = 1) throws -> Log {
        let outcome = try Fsscan.run(["duplicates", "--json"] + arguments)
        #expect(outcome.status == status, "\(outcome.errorText)")
        try expectValid("duplicates", outcome.standardOutput)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Log.self, from: Data(outcome.standardOutput))
    }

    private func inode(_ directory: TemporaryDirectory, _ name: ByteString) throws -> UInt64 {
        var status = stat()
        try check("fstatat", name) {
            name.withCString { fstatat(directory.descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
        }
        return UInt64(status.st_ino)
    }

    /// Every name with the digest of its content.
    private func contents(_ path: ByteString) throws -> [UInt8] {
        try output(of: [
            "bash", "-c", "cd \"$0\" && find . -type f ! -name '.fsscan-*' -print0 | sort -z | xargs -0 sha256sum -z",
            path,
        ])
    }

    private let tree: Tree = [
        .file("a", "content of the first", mtime: 1_000), .file("b", "content of the first", mtime: 2_000),
        .directory("d", [.file("c", "content of the first", mtime: 3_000), .hardLink("link", to: "d/c")]),
        .file([0xFF, 0x0A], "content of the first", mtime: 2_500), .file("other", "content of another"),
    ]

    @Test func hardLinksTakeSpaceBack() throws {
        let directory = try TemporaryDirectory(tree)
        let before = try contents(directory.path)
        let dry = try reclaim(["--hardlink", "--dry-run", directory.path])
        #expect(dry.actions.allSatisfy { $0.done } && dry.reclaimed.files == 4)
        #expect(try inode(directory, "a") != inode(directory, "b"), "--dry-run changes nothing")
        let log = try reclaim(["--hardlink", directory.path])
        #expect(log.actions.allSatisfy { $0.done }, "\(log.actions)")
        #expect(log.reclaimed.files == 4 && log.reclaimed.bytes == dry.reclaimed.bytes)
        for name: ByteString in ["b", "d/c", "d/link", [0xFF, 0x0A]] {
            #expect(try inode(directory, name) == inode(directory, "a"), "\(name)")
        }
        #expect(try contents(directory.path) == before)
        #expect(try output(of: ["find", directory.path, "-name", ".fsscan-*"]).isEmpty)
        // Nothing is left to do.
        let again = try Fsscan.run(["duplicates", "--hardlink", directory.path])
        #expect(again.status == 0)
    }

    /// Changes by others after a file was checked and before its lease was taken.
    @Test(
        .disabled(if: isSanitized, "a sanitizer wants to be the first library"),
        arguments: ["echo more >> b", "chmod 600 b", "ln b named"])
    func filesChangedBeforeTheLeaseAreLeftAlone(change: String) throws {
        let directory = try TemporaryDirectory([.file("a", "same", mtime: 1_000), .file("b", "same")])
        let library = try CProgram.atLease.get().path
        let outcome = try Fsscan.run(
            ["duplicates", "--json", "--hardlink", directory.path],
            ProcessOptions {
                $0.directory = directory.path
                $0.environment["AT_LEASE"] = change
                $0.environment["LD_PRELOAD"] = library.text
            })
        #expect(outcome.outputText.contains("was changed after it was compared"), "\(outcome.outputText)")
        #expect(try inode(directory, "a") != inode(directory, "b"))
        #expect(try output(of: ["find", directory.path, "-name", ".fsscan-*"]).isEmpty)
    }

    @Test func aNameIsOneHoweverItIsSpelt() throws {
        let directory = try TemporaryDirectory([
            .directory("t", [.file("a", "same", mtime: 1_000), .file("b", "same")]), .hardLink("outside", to: "t/b"),
        ])
        let options = ProcessOptions { $0.directory = directory.path }
        let left = try Fsscan.run(["duplicates", "--json", "--hardlink", "t", "./t"], options)
        #expect(left.outputText.contains("names outside") && !left.outputText.contains(#""done": true"#))
        #expect(try inode(directory, "t/b") == inode(directory, "outside"))
        _ = try output(of: ["rm", directory.appending("outside")])
        let linked = try Fsscan.run(["duplicates", "--json", "--hardlink", "t", "./t"], options)
        #expect(!linked.outputText.contains(#""done": false"#), "\(linked.outputText)")
        #expect(try inode(directory, "t/a") == inode(directory, "t/b"))
    }

    /// Two names of one file stay so if one of them cannot be replaced.
    @Test(.enabled(if: isRoot, "needs root, to make a directory immutable")) func allNamesAreReplacedOrNone() throws {
        let directory = try TemporaryDirectory([
            .file("a", "same", mtime: 1_000), .file("b", "same"), .directory("e", [.hardLink("b", to: "b")]),
        ])
        guard try run(["chattr", "+i", directory.appending("e")]).status == 0 else { return }
        defer { _ = try? run(["chattr", "-i", directory.appending("e")]) }
        let log = try reclaim(["--hardlink", directory.path])
        #expect(log.reclaimed.files == 0 && log.reclaimed.left == 2)
        #expect(try inode(directory, "b") == inode(directory, "e/b") && inode(directory, "a") != inode(directory, "b"))
        #expect(try output(of: ["find", directory.path, "-name", ".fsscan-*"]).isEmpty)
    }

    @Test func theKeptFileIsTheOneThatWasChosen() throws {
        let directory = try TemporaryDirectory(tree)
        let kept = try inode(directory, "d/c")
        _ = try reclaim(["--hardlink", "--keep", "newest", directory.path])
        #expect(try inode(directory, "a") == kept && inode(directory, "d/link") == kept)
    }

    @Test func filesThatDifferInMoreThanTheNameAreLeftAlone() throws {
        let directory = try TemporaryDirectory([
            .file("a", "same", mtime: 1_000), .file("mode", "same", mode: 0o600), .file("attribute", "same"),
            .file("b", "same"), .directory("outside", [.file("named", "same")]),
            .directory("in", [.hardLink("there", to: "outside/named")]),
        ])
        let attributes = try run(["setfattr", "-n", "user.x", "-v", "1", directory.appending("attribute")])
        let log = try reclaim(["--hardlink", "--exclude", "outside", directory.path])
        #expect(log.reason("mode") == "has a different mode from the kept file")
        if attributes.status == 0 {
            #expect(log.reason("attribute") == "has different extended attributes from the kept file")
        }
        #expect(log.reason("there")?.contains("names outside") == true)
        #expect(try inode(directory, "a") == inode(directory, "b"))
        #expect(try inode(directory, "a") != inode(directory, "mode"))
    }

    @Test(.enabled(if: isRoot, "needs root, to change owners")) func anotherOwnersFileIsLeft() throws {
        let directory = try TemporaryDirectory([
            .file("a", "same", mtime: 1_000), .file("b", "same", owner: 1234), .file("c", "same", group: 1234),
        ])
        let log = try reclaim(["--hardlink", directory.path])
        #expect(log.actions.allSatisfy { $0.reason == "has a different owner from the kept file" })
    }

    @Test func anOpenFileIsLeft() throws {
        let directory = try TemporaryDirectory([
            .file("a", "same", mtime: 1_000), .file("b", "same", mtime: 2_000), .file("c", "same", mtime: 3_000),
        ])
        let file = directory.appending("b").withCString { open($0, O_RDONLY | O_CLOEXEC) }
        defer { close(file) }
        let log = try reclaim(["--hardlink", directory.path])
        #expect(log.reason("b") == "it is open elsewhere")
        #expect(try inode(directory, "c") == inode(directory, "a"))
        #expect(try inode(directory, "b") != inode(directory, "a"))
    }

    @Test(.enabled(if: canMount, "\(mountObstacle ?? "")")) func nothingIsLinkedAcrossMounts() throws {
        let directory = try TemporaryDirectory([
            .directory("one", [.file("a", "same", mtime: 1_000)]), .directory("two", [.file("b", "same")]),
            .directory("bound"),
        ])
        let outcome = try run([
            "unshare", "-m", "sh", "-c",
            """
            cd "$1" && mount --bind two bound && "$2" duplicates --hardlink --exclude two .
            status=$?; test one/a -ef two/b && echo linked; exit $status
            """, "sh", directory.path, Fsscan.path,
        ])
        #expect(outcome.status == 1)
        #expect(outcome.outputText.contains("is not on the mount of the kept file"), "\(outcome.outputText)")
        #expect(!outcome.outputText.contains("linked\n"))
    }

    @Test func optionsThatMakeNoSenseAreRefused() throws {
        for options: [ByteString] in [
            ["--reflink", "--hardlink"], ["--dry-run"], ["--hardlink", "-0"], ["--hardlink", "--unique"],
            ["--hardlink", "-o", "/tmp/x"],
        ] {
            #expect(try Fsscan.run(["duplicates"] + options + ["."]).status == 64, "\(options)")
        }
    }

    // MARK: Killed, and raced

    /// Killed at 200 moments throughout a run: each time every name leads to its content.
    @Test func killedAtAnyMomentNothingIsLost() throws {
        let directory = try TemporaryDirectory()
        let script = """
            set -u; killed=0; mkdir d
            for i in $(seq 60); do echo content $((i % 3)) > d/$i; done; truncate -s 40M d/hole; cp d/hole d/other
            # How long a whole run takes here, in microseconds.
            cp -r d w; start=${EPOCHREALTIME/./}; $F duplicates --hardlink w > log; whole=$((${EPOCHREALTIME/./} - start))
            (cd d && find . -type f -print0 | sort -z | xargs -0 sha256sum) > expected
            for i in $(seq 200); do
                rm -rf w; cp -r d w
                $F duplicates --hardlink w > log 2>&1 & job=$!
                pause=$((whole * i / 150)); sleep $((pause / 1000000)).$(printf '%06d' $((pause % 1000000)))
                kill -9 $job 2> /dev/null && killed=$((killed + 1)); wait $job 2> /dev/null
                (cd w && find . -type f ! -name '.fsscan-*' -print0 | sort -z | xargs -0 sha256sum) > found
                cmp expected found || exit 9
                test $(find w -name '.fsscan-*' | wc -l) -le 1 || exit 8
                for name in $(find w -name '.fsscan-*'); do
                    grep -q "^$(sha256sum < $name | cut -d ' ' -f 1)" expected || exit 7
                done
            done
            echo $killed
            """
        let outcome = try Fsscan.shell(ByteString(script), in: directory, ProcessOptions { $0.timeout = 1200 })
        #expect(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        #expect((Int(outcome.outputText.filter(\.isNumber)) ?? 0) > 20, "\(outcome.outputText)")
    }

    /// A writer opens names and writes: each file that it wrote to still has a name, so nothing is lost.
    @Test func concurrentWritesAreNotLost() throws {
        let directory = try TemporaryDirectory()
        let writer = """
            import os, random, sys, time
            random.seed(int(sys.argv[1]))
            names = list(range(1, 201))
            random.shuffle(names)
            files = []
            for turn, name in enumerate(names):
                files.append(os.open(f"d/{name}", os.O_RDWR))
                os.pwrite(files[-1], b"%04d" % turn, 0)
                if turn == 0:
                    open("started", "w").close()
                time.sleep(0.001)
            lost = [turn for turn, file in enumerate(files) if os.fstat(file).st_nlink == 0]
            assert not lost, lost
            """
        let script = """
            set -u
            for round in $(seq 12); do
                rm -rf d started; mkdir d; for i in $(seq 200); do echo same > d/$i; done
                python3 -c '\(writer)' $round & writer=$!
                while [ ! -e started ]; do sleep 0.001; kill -0 $writer 2> /dev/null || break; done
                $F duplicates --hardlink d >> log; wait $writer || exit 9
                test $(ls -A d | wc -l) = 200 || exit 8
            done
            """
        let outcome = try Fsscan.shell(ByteString(script), in: directory, ProcessOptions { $0.timeout = 600 })
        #expect(outcome.status == 0, "\(outcome.errorText)")
    }

    // MARK: Shared extents

    @Test(
        .enabled(
            if: canMount && kernelKnows("xfs") && kernelKnows("btrfs"), "needs xfs and btrfs: \(mountObstacle ?? "")"),
        arguments: ["xfs", "btrfs"])
    func reflinksTakeSpaceBack(type: String) throws {
        let directory = try TemporaryDirectory()
        let script = """
            set -e; cd mount; mkdir t; head -c 20000001 /dev/urandom > t/a; cp --reflink=never t/a t/b; cp --reflink=never t/a t/c
            printf x | dd of=t/c bs=1 seek=20000000 conv=notrunc status=none; echo unlike > t/d; sync -f .
            (cd t && sha256sum *) > before; touch -d @1000 t/a
            used() { sync -f .; df --output=used -B1 . | tail -n 1; }
            was=$(used); set +e
            "$1" duplicates --json --reflink --dry-run t > dry; "$1" duplicates --json --reflink t > log; status=$?; set -e
            jq -c '[.actions[] | [.path, .done]]' dry log
            now=$(used); echo $status $((was - now > 19000000))
            (cd t && sha256sum *) | cmp - before; test ! t/a -ef t/b
            "$1" duplicates --json t | jq '.totals.reclaimable_bytes' || true
            "$1" duplicates --json --reflink t | jq -r '.actions[].reason' || true
            """
        let outcome = try run(
            [
                "unshare", "-m", Repository.path("Tests/faults/with-mount.sh"), ByteString(type), directory.path, "10",
                "bash", "-c", ByteString(script), "bash", Fsscan.path,
            ], ProcessOptions { $0.timeout = 300 })
        #expect(
            outcome.outputText == """
                [["t/b",true]]
                [["t/b",true]]
                1 1
                0
                already shares its extents, or has none

                """, "\(outcome.errorText)")
    }

    @Test(.enabled(if: isTmpfs, "needs a tmpfs on /dev/shm")) func whereNothingIsSharedThatIsSaid() throws {
        let directory = try TemporaryDirectory([.file("a", "same"), .file("b", "same")], in: "/dev/shm")
        let log = try reclaim(["--reflink", directory.path])
        #expect(log.actions.map(\.reason) == ["the file system cannot share extents"])
    }
}
