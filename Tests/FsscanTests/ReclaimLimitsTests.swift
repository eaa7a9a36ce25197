// Reclaiming the space of duplicates: the files left alone, the reasons, and the real gain.

import Glibc
import TestSupport
import Testing

@Suite struct ReclaimLimitsTests {
    /// Runs a script in a directory with a tree; `log OPTIONS PATH…` prints what became of each file.
    private static func shell(
        _ tree: Tree, _ script: ByteString, under: [ByteString] = [], _ options: ProcessOptions = ProcessOptions()
    ) throws -> String {
        let directory = try TemporaryDirectory(tree)
        let text: ByteString = """
            F=$1; cd "$2"
            log() {
                "$F" duplicates --json "$@" >json; test $? -le 1 || echo "status $?"
                jq -r '.actions[] | .path + ": " + (if .done then "done" else .reason end)' json
            }

            """
        let outcome = try run(
            under + ["bash", "-c", text + script, "bash", Fsscan.path, directory.path], options)
        #expect(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        return outcome.outputText
    }

    /// statx(2) shows the flags i and a, and not these.
    @Test(
        .enabled(if: isRoot && canMount, "needs root and mounts: \(mountObstacle ?? "")"), arguments: ["A", "S", "d"])
    func anotherFlagOfTheInodeIsNotLost(flag: ByteString) throws {
        let directory = try TemporaryDirectory()
        let script: ByteString = """
            cd mount; mkdir t; for i in a b c; do echo same >t/$i; done; touch -d @1000 t/a; chattr +\(flag) t/b
            "$1" duplicates --json --hardlink t | jq -r '.actions[] | .path + ": " + (if .done then "done" else .reason end)'
            lsattr -l t/b | grep -c ,; test t/c -ef t/a
            """
        let outcome = try run(
            [
                "unshare", "-m", Repository.path("Tests/faults/with-mount.sh"), "ext4", directory.path, "10",
                "bash", "-c", script, "bash", Fsscan.path,
            ], ProcessOptions { $0.timeout = 300 })
        #expect(outcome.status == 0, "\(outcome.errorText)")
        #expect(
            outcome.outputText == "t/b: has different inode flags from the kept file\nt/c: done\n1\n",
            "\(outcome.outputText)")
    }

    // MARK: A dry run

    @Test func aDryRunReportsOpenFiles() throws {
        let printed = try Self.shell(
            [.file("a", "same", mtime: 1_000), .file("b", "same"), .file("c", "same")],
            "exec 5<b; log --hardlink --dry-run .; exec 5<&-; log --hardlink --dry-run .; test ! c -ef a")
        #expect(printed == "./b: it is open elsewhere\n./c: done\n./b: done\n./c: done\n")
    }

    @Test(.enabled(if: isRoot, "needs root, to be nobody")) func aDryRunSaysWhereNothingCanBeWritten() throws {
        let directory = try TemporaryDirectory([
            .directory(
                "t", [.file("a", "same", mtime: 1_000), .directory("d", [.file("b", "same")]), .file("c", "same")])
        ])
        let program = try Fsscan.copy(to: directory)
        _ = try Fsscan.shell("chown -R nobody t; chown root t/d; chmod 755 . t/d", in: directory)
        let outcome = try run(
            ["setpriv", "--reuid=nobody", "--clear-groups", program, "duplicates", "--hardlink", "--dry-run", "t"],
            ProcessOptions { $0.directory = directory.path })
        #expect(outcome.status == 1)
        #expect(
            outcome.outputText.contains("left ‘t/d/b’: its directory cannot be written to: Permission denied\n"),
            "\(outcome.outputText)")
        #expect(outcome.outputText.contains("would be linked ‘t/c’ with ‘t/a’\n"))
    }

    // MARK: Whom else it concerns

    /// One file stays on each.
    @Test(.enabled(if: isRoot && canMount, "needs root and mounts: \(mountObstacle ?? "")"))
    func eachFileSystemKeepsOne() throws {
        let printed = try Self.shell(
            [
                .directory("one", [.file("a", "same", mtime: 1_000), .file("b", "same")]), .directory("two"),
                .directory("z"),
            ],
            """
            mount -t tmpfs none two; mount -t tmpfs none z; echo -n same >two/c; echo -n same >two/d; echo -n same >z/e
            touch -d @2000 two/d; touch -d @3000 two/c; log --hardlink one two z; jq -r '.actions[].kept' json
            test one/a -ef one/b && test two/c -ef two/d && echo linked
            """, under: ["unshare", "-m"])
        #expect(
            printed == """
                one/b: done
                two/c: done
                z/e: is not on the file system of the kept file
                one/a
                two/d
                one/a
                linked

                """, "\(printed)")
    }

    /// While the first file is dealt with, the directory of the next becomes a symlink. (The library runs a command when
    /// the first lease is taken.)
    @Test(.disabled(if: isSanitized, "a sanitizer wants to be the first library"))
    func aDirectoryThatBecameASymlinkIsNotFollowed() throws {
        let library = try CProgram.atLease.get().path
        let printed = try Self.shell(
            [
                .directory(
                    "t",
                    [.file("a", "same", mtime: 1_000), .file("b", "same"), .directory("d", [.file("c", "same")])])
            ],
            """
            export AT_LEASE='mv t/d elsewhere; ln -s ../elsewhere t/d'
            LD_PRELOAD=\(library) "$F" duplicates --json --hardlink t >json; unset AT_LEASE
            jq -r '.actions[] | .path + ": " + (if .done then "done" else .reason end)' json
            test t/a -ef t/b && test ! t/a -ef elsewhere/c && echo apart
            """)
        #expect(printed == "t/b: done\nt/d/c: open of its directory: Not a directory\napart\n", "\(printed)")
    }

    /// A stop signal does not count as another process that opens the file.
    @Test(.disabled(if: isSanitized, "a sanitizer wants to be the first library"))
    func aStopIsCalledAStop() throws {
        let library = try CProgram.atLease.get().path
        let printed = try Self.shell(
            [.file("a", "same", mtime: 1_000), .file("b", "same")],
            """
            export AT_LEASE='kill -TERM $PPID'
            LD_PRELOAD=\(library) "$F" duplicates --hardlink .; echo $?; test ! a -ef b
            """)
        #expect(printed.contains("left ‘./b’: the program was stopped\n") && printed.hasSuffix("143\n"), "\(printed)")
    }

    // MARK: What is gained

    /// df's figures: for a file that is partly shared, or has holes, only its own blocks count.
    @Test(
        .enabled(
            if: canMount && kernelKnows("xfs") && kernelKnows("btrfs"), "needs xfs and btrfs: \(mountObstacle ?? "")"),
        arguments: ["xfs", "btrfs"])
    func theReportedGainIsFreedOnDisk(type: String) throws {
        let directory = try TemporaryDirectory()
        let script = """
            set -e; cd mount; mkdir t; head -c 20971520 /dev/urandom > t/a; cp --reflink=always t/a t/half; sync -f .
            dd if=t/a of=t/half bs=1M count=5 conv=notrunc status=none
            head -c 4194304 /dev/urandom > t/s; truncate -s 100M t/s; cp --reflink=never --sparse=always t/s t/sparse
            sync -f .; touch -d @1000 t/a t/s
            used() { sync -f .; df --output=used -B1 . | tail -n 1; }
            was=$(used)
            "$1" duplicates --json --reflink --dry-run t > dry || true; "$1" duplicates --json --reflink t > log || true
            gained=$((was - $(used))); told=$(jq .reclaimed.bytes log)
            jq -c '[.reclaimed.bytes, (.actions | map(.bytes))]' dry log
            difference=$((gained - told)); echo $((difference < 500000 && difference > -500000))
            "$1" duplicates --json --reflink t | jq -r '.actions[].reason'
            """
        let outcome = try run(
            [
                "unshare", "-m", Repository.path("Tests/faults/with-mount.sh"), ByteString(type), directory.path, "10",
                "bash", "-c", ByteString(script), "bash", Fsscan.path,
            ], ProcessOptions { $0.timeout = 300 })
        let reason = "already shares its extents, or has none\n"
        let bytes = "[9437184,[5242880,4194304]]\n"
        #expect(
            outcome.outputText == bytes + bytes + "1\n" + reason + reason, "\(outcome.outputText)\(outcome.errorText)")
    }

    /// Exabytes of holes in both are passed over, so that there is nothing to be waited for.
    @Test(.enabled(if: canMount && kernelKnows("xfs"), "needs xfs: \(mountObstacle ?? "")"))
    func holesThatBothHaveTakeNoTime() throws {
        let directory = try TemporaryDirectory()
        let script = """
            set -e; cd mount; mkdir t; for i in a b; do
                head -c 1000000 /dev/zero | tr '\\0' x >t/$i; truncate -s 4E t/$i; printf end >>t/$i
            done
            sync -f .; touch -d @1000 t/a
            "$1" duplicates --json --reflink t > log || true; jq -c '[.actions[] | [.path, .done, .bytes > 1000000]]' log
            """
        let outcome = try run(
            [
                "unshare", "-m", Repository.path("Tests/faults/with-mount.sh"), "xfs", directory.path, "10",
                "bash", "-c", ByteString(script), "bash", Fsscan.path,
            ], ProcessOptions { $0.timeout = 120 })
        #expect(outcome.outputText == "[[\"t/b\",true,true]]\n", "\(outcome.outputText)\(outcome.errorText)")
    }
}
