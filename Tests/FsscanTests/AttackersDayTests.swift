// Attacks by the owner of files in a tree that root has saved: each trick of SECURITY.md is played against the tree,
// its saved scan and its outputs, and root's commands of docs/TAMPER.md must detect it.

import Glibc
import TestSupport
import Testing

@Suite(.enabled(if: isRoot && canMount, "needs root, and mount namespaces"))
struct AttackersDayTests {
    /// The outcome of one of root's commands, with all lines that it printed.
    struct Verdict {
        var status: Int
        var lines: [String] = []
    }

    private let directory: TemporaryDirectory

    /// `tree/bin` is root's and `tree/home` the attacker's; anybody may create files in `drop`, which contains the
    /// saved scan.
    init() throws {
        directory = try TemporaryDirectory(
            [
                .directory(
                    "tree",
                    [
                        .directory("bin", [.file("login", "login")]),
                        .directory("home", [.file("f", "mine"), .file("g", "also mine")]),
                    ]),
                .directory("drop"), .file("victim", "before"),
            ], in: isTmpfs ? "/dev/shm" : nil)
    }

    /// `save` is the set of root's commands before the attack, `routine` the daily ones. Each command has a time limit:
    /// none may hang.
    private static let prologue: ByteString = """
        save() {
            "$F" --save drop/usr.db --label good --hash sha256 --xattrs tree > saving 2>&1 || return
            expect=$(sed -n 's/.*sha256 of the file: //p' saving); [ ${#expect} = 64 ]
            evidence=$(sed -n 's/.*evidence: //p' saving); [ ${#evidence} = 64 ]
        }
        tell() {
            local name=$1 status=0; shift
            timeout -k 5 ${limit:-240} "$@" > out 2> err < /dev/null || status=$?
            echo "$name $status"; sed 's/^/| /' out err
        }
        routine() {
            tell verify "$F" verify drop/usr.db
            tell quick "$F" verify --quick drop/usr.db
            tell expect "$F" verify --expect $expect drop/usr.db
            tell evidence "$F" verify --expect $evidence drop/usr.db
            tell saved "$F" saved drop/usr.db
            tell diff "$F" diff drop/usr.db tree
            scan
        }
        scan() {
            tell scan "$F" --json --hash sha256 --xattrs --deadline ${deadline:-200} -o report tree
            jq -c '"| " + ([.complete, [.errors[] | [.path, .code]]] | tostring)' -r report
        }
        set -eu
        chmod 1777 drop; chown 65534 tree/home tree/home/f tree/home/g

        """

    /// The output of root's commands, by their names, after a script has ended. None prints a control character.
    func play(_ script: ByteString, under launcher: [ByteString] = []) throws -> [String: Verdict] {
        let tricks = Attacker.user + Attacker.interrupt + Attacker.log + Attacker.lease + Attacker.attributes
        let outcome = try run(
            ["unshare", "-m"] + launcher + ["bash", "-c", tricks + Self.prologue + script],
            ProcessOptions {
                $0.directory = directory.path
                $0.environment = [
                    "F": Fsscan.path.text, "V1": Repository.path("Tests/oracles/version1.py").text, "LC_ALL": "C.UTF-8",
                ]
                $0.timeout = 900
            })
        try #require(outcome.status == 0, "\(outcome.end): \(outcome.outputText)\(outcome.errorText)")
        let bytes = outcome.standardOutput + outcome.standardError
        #expect(!bytes.contains { $0 < 0x20 && $0 != 0x0A || $0 == 0x7F }, "\(outcome.outputText)")
        var (verdicts, last) = ([String: Verdict](), "")
        for line in outcome.outputText.split(separator: "\n") {
            if line.hasPrefix("| ") {
                verdicts[last]?.lines.append(String(line.dropFirst(2)))
            } else {
                let words = line.split(separator: " ")
                last = String(words[0])
                verdicts[last] = Verdict(status: Int(words[words.count - 1]) ?? -1)
            }
        }
        return verdicts
    }

    static let settle: ByteString = "sleep 2.2; save\n"

    /// - Parameter lines: the beginnings of required lines.
    func expect(
        _ verdicts: [String: Verdict], _ names: [String], _ status: Int, _ lines: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for name in names {
            let verdict = verdicts[name]
            #expect(verdict?.status == status, "\(name): \(verdicts)", sourceLocation: sourceLocation)
            for line in lines {
                let isThere = verdict?.lines.contains { $0.hasPrefix(line) } == true
                #expect(isThere, "\(name): \(line): \(verdicts)", sourceLocation: sourceLocation)
            }
            let isClean = verdict?.lines.contains { $0.hasPrefix("No difference") } == true
            #expect(
                isClean == (status == 0 && Self.comparisons.contains(name)), "\(name): \(verdicts)",
                sourceLocation: sourceLocation)
        }
    }

    static let comparisons = ["verify", "quick", "expect", "evidence", "diff"]
    static let readers = comparisons + ["saved"]

    // MARK: The tree

    @Test func inTheMorningAllIsWell() throws {
        let verdicts = try play(Self.settle + "routine")
        expect(verdicts, Self.readers + ["scan"], 0)
        #expect(verdicts["scan"]?.lines == ["[true,[]]"])
        #expect(verdicts["saved"]?.lines.count == 1)
    }

    /// The times are restored.
    @Test(.enabled(if: isTmpfs, "/dev/shm is not a tmpfs")) func contentIsChangedThroughAMapping() throws {
        try expectExchangedContentIsReported("map")
    }

    @Test(.enabled(if: AttackersDayTests.hasLoopDevices && kernelKnows("xfs"), "needs loop devices and xfs"))
    func contentIsExchangedOnXFS() throws { try expectExchangedContentIsReported("xfs") }

    @Test(.enabled(if: AttackersDayTests.hasLoopDevices && kernelKnows("ext4"), "needs loop devices and ext4"))
    func contentIsExchangedOnExt4() throws { try expectExchangedContentIsReported("ext4") }

    /// Until the kernel has written the page to the disk, after about 30 s. Another test may cause that earlier, and
    /// then the times show it, too.
    @Test(.enabled(if: AttackersDayTests.hasLoopDevices && kernelKnows("ext4"), "needs loop devices and ext4"))
    func contentIsChangedThroughAMappingOnADisk() throws {
        let verdicts = try play(
            """
            truncate -s 100M image; mkfs.ext4 -q image > made 2>&1; mount -o loop image tree/home
            echo mine > tree/home/f; echo z > tree/home/g; chown -R 65534 tree/home; sync -f tree/home
            install -m 755 \(try CProgram.untimed.get().path) untimed
            mkfifo go; user ./untimed map tree/home/f tree/home/g < go > dirtied & exec 3> go; \(Self.settle)
            echo >&3; wait; routine
            """)
        expect(verdicts, Self.comparisons, 1, ["* tree/home/f  "])
    }

    private static let hasLoopDevices = access("/dev/loop-control", R_OK | W_OK) == 0

    private func expectExchangedContentIsReported(_ way: String) throws {
        let program = try CProgram.untimed.get().path
        let mount: ByteString =
            way == "map"
            ? ""
            : """
            truncate -s 400M image; mkfs.\(ByteString(way)) -q image > made 2>&1; mount -o loop image tree/home
            head -c 8192 /dev/zero | tr "\\0" a > tree/home/f; head -c 8192 /dev/zero | tr "\\0" b > tree/home/g
            chown -R 65534 tree/home; sync -f tree/home

            """
        let change: ByteString =
            way == "map"
            ? """
            mkfifo go; user ./untimed map tree/home/f tree/home/g < go > dirtied & exec 3> go; \(Self.settle)
            stat -c '%y %z' tree/home/f > before; echo >&3; wait

            """
            : """
            \(Self.settle)
            stat -c '%y %z' tree/home/f > before; user ./untimed \(ByteString(way)) tree/home/f tree/home/g

            """
        let verdicts = try play(
            """
            install -m 755 \(program) untimed
            \(mount)\(change)
            stat -c '%y %z' tree/home/f | cmp - before
            routine
            """)
        expect(verdicts, Self.comparisons, 1, ["* tree/home/f  "])
        expect(verdicts, ["quick"], 1, ["fsscan: ‘tree/home/f’: its content has changed and its times have not"])
    }

    @Test func namesPassForLinesOfOurOwn() throws {
        let verdicts = try play(
            """
            \(Self.settle)
            user touch tree/home/$'x\\e[2J\\nNo difference.\\n\\e[8m' tree/home/$'\\xc2\\x9b2J'
            user ln -s $'\\e]0;owned\\a\\nNo difference.' tree/home/link
            routine
            """)
        let lines = [#"+ tree/home/x\033[2J\nNo difference.\n\033[8m"#, #"+ tree/home/\302\2332J"#, "+ tree/home/link"]
        expect(verdicts, Self.comparisons, 1, lines)
    }

    /// The kernel breaks the lease after /proc/sys/fs/lease-break-time, 45 s.
    @Test func aLeaseKeepsAFileOut() throws {
        let verdicts = try play(
            """
            \(Self.settle)
            echo evil | user tee tree/home/f > none; lease tree/home/f; routine; kill $holder
            """)
        expect(verdicts, Self.comparisons, 1, ["* tree/home/f  "])
        #expect(verdicts["scan"]?.lines == ["[true,[]]"])
    }

    @Test(.enabled(if: Attacker.takesLargeAttributes && isTmpfs, "no file system with room for attributes"))
    func attributesTakeMemory() throws {
        let verdicts = try play("\(Self.settle) attributes tree/home/f 40; routine")
        expect(verdicts, Self.comparisons, 2, ["? tree/home/f  "])
    }

    @Test func aFileOfHolesTakesTime() throws {
        let verdicts = try play("\(Self.settle) user truncate -s 1T tree/home/g; routine")
        expect(verdicts, Self.comparisons, 2, ["* tree/home/g  size 9 -> 1099511627776, "])
        for name in Self.comparisons {
            #expect(verdicts[name]?.lines.first?.hasSuffix("read: File too large") == true, "\(verdicts)")
        }
        #expect(verdicts["scan"]?.lines == [#"[true,[["tree/home/g","EFBIG"]]]"#])
    }

    /// The scan lists what it left. A `verify` that gets a stop signal, as from timeout(1), does not wait for the
    /// server.
    @Test(.enabled(if: canUseFUSE, "\(fuseObstacle ?? "")")) func aServerDoesNotAnswer() throws {
        _ = try output(of: ["mkdir", directory.appending("tree/home/mount")])
        let place = try TemporaryDirectory([.file("spec", "f file size=10")])
        let launcher = [
            try CProgram.faultfs.get().path, place.appending("spec"), directory.appending("tree/home/mount"),
        ]
        let verdicts = try play(
            """
            save; kill -STOP $FAULTFS_SERVER
            limit=60 deadline=2 scan
            limit=5 tell verify "$F" verify drop/usr.db; limit=5 tell diff "$F" diff drop/usr.db tree
            kill -CONT $FAULTFS_SERVER
            """, under: launcher)
        expect(verdicts, ["scan"], 75, ["fsscan: stopped by --deadline: the report is not complete", "[false,[]]"])
        let unfinished = try output(of: ["jq", "-c", ".unfinished", directory.appending("report")])
        #expect(String(decoding: unfinished, as: UTF8.self) == "[{\"path\":\"tree/home/mount\"}]\n")
        // 137 if timeout(1) has to kill it.
        expect(verdicts, ["verify", "diff"], 124)
    }

    // MARK: Outputs

    /// Beside root's outputs. A hard link is one only if the kernel has no protected_hardlinks.
    @Test func somethingIsInTheWayOfAnOutput() throws {
        let verdicts = try play(
            """
            save; touch secret; chmod 600 secret
            user ln -s ../victim drop/link; user ln -s ../new drop/dangling; user mkfifo drop/fifo
            user ln -s ../secret drop/next.db-journal; ln victim drop/hard
            for name in link dangling fifo; do
                tell o-$name "$F" -o drop/$name tree; tell trace-$name "$F" --trace drop/$name tree
                tell save-$name "$F" --save drop/$name tree; tell verify-$name "$F" verify -o drop/$name drop/usr.db
            done
            tell save-journal "$F" --save drop/next.db tree; tell save-hard "$F" --save drop/hard tree
            tell o-hard "$F" -o drop/hard tree
            tell none test ! -e new -a ! -s secret -a ! -e drop/next.db
            tell mine stat -c '%u %a %h' drop/hard
            """)
        for name in ["link", "dangling", "fifo"] {
            for way in ["o", "trace", "save", "verify"] {
                expect(verdicts, ["\(way)-\(name)"], 74)
                let line = verdicts["\(way)-\(name)"]?.lines.first ?? ""
                let beginning = "fsscan: ‘drop/\(name)’: "
                let isTold = line.hasPrefix(beginning) && line.contains(" of uid 65534, in a directory")
                #expect(isTold, "\(way) \(name): \(line)")
            }
        }
        expect(verdicts, ["save-journal", "save-hard"], 74)
        // A new file in its place.
        expect(verdicts, ["o-hard", "none"], 0)
        expect(verdicts, ["mine"], 0, ["0 600 1"])
        #expect(try output(of: ["cat", directory.appending("victim")]) == Array("before".utf8))
    }
}
