// The digests that `verify --quick` and `--baseline` reuse without reading, from which owners, and their reports.

import Glibc
import TestSupport
import Testing

@Suite struct QuickTrustTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory([.directory("tree", [.file("a", "first"), .file("b", "second")])])
    }

    private func shell(
        _ script: ByteString, _ change: (inout ProcessOptions) -> Void = { _ in }
    ) throws -> ProcessOutcome {
        var options = ProcessOptions { $0.timeout = 120 }
        change(&options)
        return try Fsscan.shell(script, in: directory, options)
    }

    private func prepare(_ script: ByteString) throws {
        let outcome = try shell("set -eu; " + script)
        try #require(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
    }

    /// Longer than the program's granularity of times.
    private static let settle: ByteString = "sleep 2.2; "

    // MARK: Whose files

    @Test(
        arguments: ["chmod g+w tree/a", "chmod o+w tree/a"]
            // Only root gives files away.
            + (isRoot ? ["chmod 600 tree/a; chown 4711 tree/a"] : []))
    func filesThatOthersMayWriteToAreReadAgain(_ change: ByteString) throws {
        try prepare("\(change); \(Self.settle) $F --save s.db --hash sha256 --xattrs tree")
        let use: ByteString = "| jq -c '[.baseline.reused, .baseline.read, .baseline.reread, .baseline.contradicted]'"
        let scan: ByteString = "$F --json --hash sha256 --baseline s.db"
        #expect(try shell("\(scan) tree \(use)").outputText == "[1,1,1,0]\n")
        #expect(try shell("\(scan) --trust-times tree \(use)").outputText == "[2,0,0,0]\n")
        let verify = try shell(
            "{ $F verify --quick --reread 0% s.db; $F verify --quick --reread 0% --trust-times s.db; } | grep -v ^Evid")
        #expect(
            verify.outputText == """
                No difference.
                Quick: 1 file that looked unchanged not read, with the digest that was saved; 1 other read again.
                No difference.
                Quick: 2 files that looked unchanged not read, with the digests that were saved; 0 others read again.

                """)
    }

    @Test(.enabled(if: isRoot, "needs another user")) func anOrdinaryUserTrustsHimselfAndRoot() throws {
        try prepare("chown 65534 tree/a; chmod 755 . tree")
        _ = try Fsscan.copy(to: directory)
        try prepare("\(Self.settle) $F --save s.db --mode 644 --hash sha256 tree")
        let outcome = try shell("./fsscan-copy verify --quick --reread 0% --json s.db | jq -c .new.baseline") {
            $0.asOrdinaryUser = true
        }
        #expect(
            outcome.outputText == "{\"reused\":2,\"read\":0,\"reread\":0,\"contradicted\":0}\n", "\(outcome.errorText)")
    }

    /// The server of a file system can report any owners, modes and times.
    @Test(.enabled(if: canUseFUSE, "\(fuseObstacle ?? "")")) func aServersClaimsAboutRootsFilesAreNotTrusted() throws {
        let tree = try FaultyTree(["a file size=5", "d dir", "d/b file size=6"])
        let script: ByteString = """
            set -e
            "$0" --save "$1" --hash sha256 "$2" >/dev/null 2>&1
            stat -c '%u %A' "$2/a"
            "$0" verify --quick --reread 0% --json "$1" | jq -c '.new.baseline | [.reused, .read, .reread]'
            "$0" verify --quick --reread 0% --trust-times --json "$1" | jq -c '.new.baseline | [.reused, .read, .reread]'
            """
        let found = try tree.output(of: [
            "sh", "-c", script, Fsscan.path, directory.appending("fuse.db"), tree.root,
        ])
        #expect(ByteString(found).text == "0 -rw-r--r--\n[0,2,2]\n[2,0,0]\n")
    }

    // MARK: A share that is read again

    @Test func aShareIsReadAgain() throws {
        try prepare(
            """
            mkdir tree/many; for i in $(seq 2000); do echo $i > tree/many/$i; done; ln tree/many/1 tree/twice
            \(Self.settle) $F --save s.db --hash xxh128 tree
            """)
        func reread(_ share: ByteString) throws -> Int {
            let outcome = try shell(
                "$F verify --quick \(share) --json s.db | jq -c '[.new.baseline | .reused, .reread]'")
            let numbers = outcome.outputText.split { !$0.isNumber }.compactMap { Int($0) }
            #expect(numbers.count == 2 && numbers.reduce(0, +) == 2003, "\(outcome.outputText)\(outcome.errorText)")
            return numbers.last ?? -1
        }
        #expect(try reread("--reread 0%") == 0)
        #expect(try reread("--reread 100%") == 2003)
        #expect(try (800...1200).contains(reread("--reread 50.0%")))
        // One in a hundred by default: none at all in one of 10^8 runs.
        #expect(try (1...100).contains(reread("")))
        // The choice is unpredictable.
        let names: ByteString =
            "strace -f -e trace=openat -o t $F verify --quick --reread 5% s.db; grep -o '\"[0-9]*\", O_RDONLY|O_NON' t | sort"
        if !isSanitized { #expect(try shell(names).outputText != shell(names).outputText) }
    }

    @Test(arguments: ["1", "101%", "-1%", "1e1%", "%", ".5%", "5.%", "1.5.5%", "nan%"])
    func invalidSharesAreRefused(_ share: ByteString) throws {
        let outcome = try Fsscan.run(["verify", "--quick", "--reread=" + share, directory.appending("s.db")])
        #expect(outcome.status == 64 && outcome.errorText.hasPrefix("fsscan: --reread: "), "\(outcome.errorText)")
    }

    @Test(arguments: [
        "verify --reread 1% s.db", "verify --trust-times s.db", "--reread 1% tree", "--trust-times tree",
        "--expect \(digest) tree",
    ])
    func withoutABaselineTheyAreWrongUsage(_ arguments: ByteString) throws {
        #expect(try shell("$F \(arguments)").status == 64)
    }

    private static let digest = ByteString(String(repeating: "a", count: 64))

    // MARK: Content that changes and leaves no trace

    /// A row with a wrong digest: equivalent to content that changes while the times do not.
    @Test func aContradictionIsReported() throws {
        try prepare(
            """
            ln tree/a tree/c; truncate -s 20M tree/large; \(Self.settle) $F --save s.db --hash sha256 tree
            sqlite3 s.db "UPDATE entries SET sha256 = zeroblob(32) WHERE kind = 1 AND key <> CAST('b' AS BLOB)"
            """)
        #expect(try shell("$F verify --quick --reread 0% s.db").status == 0)
        let outcome = try shell("$F verify --quick --reread 100% --json s.db")
        #expect(outcome.status == 1)
        try expectValid("diff", outcome.standardOutput)
        let lines = outcome.errorText.split(separator: "\n").sorted()
        let told = "its content has changed and its times have not"
        #expect(lines.count == 3 && lines.allSatisfy { $0.contains(told) }, "\(outcome.errorText)")
        #expect(lines.first?.hasPrefix("fsscan: ‘tree/a’: ") == true)
        let scan = try shell("$F --ndjson --hash sha256 --baseline s.db --reread 100% tree")
        #expect(scan.status == 0 && scan.errorText.split(separator: "\n").count == 3)
        #expect(scan.outputText.contains(#""baseline":{"reused":0,"read":4,"reread":4,"contradicted":3}"#))
        try expectValid("records", scan.standardOutput)
    }

    /// On file systems where a file's owner can change its content without changing any time.
    @Test(
        .enabled(if: isRoot && canMount && access("/dev/loop-control", R_OK | W_OK) == 0, "needs loop devices"),
        arguments: ["xfs", "ext4"])
    func exchangedContentIsNoticed(type: String) throws {
        guard kernelKnows(type) else {
            print("not tried: this kernel has no \(type)")
            return
        }
        let program = try CProgram.untimed.get().path
        let script: ByteString = """
            set -eu; truncate -s 400M image; mkfs.\(ByteString(type)) -q image >&2; mkdir mount; mount -o loop image mount
            cp \(program) untimed; chmod 755 . untimed; mkdir mount/tree; chown 65534 mount/tree
            user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
            user sh -ec 'head -c 8192 /dev/zero | tr "\\0" a > mount/tree/f; head -c 8192 /dev/zero | tr "\\0" b > mount/tree/g'
            sync -f mount; sleep 2.2
            $F --save s.db --hash sha256 mount/tree; stat -c '%y %z' mount/tree/f > before
            user ./untimed \(ByteString(type)) mount/tree/f mount/tree/g
            stat -c '%y %z' mount/tree/f | cmp - before
            for options in "" --trust-times "--trust-times --reread 100%"; do
                $F verify --quick $options --ignore ctime,mtime s.db 2>&1 | grep -c -e '^* mount/tree/f ' -e '/f’: its content has' || true
            done
            """
        let outcome = try run(
            ["unshare", "-m", "bash", "-c", script],
            ProcessOptions {
                $0.directory = directory.path
                $0.environment["F"] = Fsscan.path.text
            })
        // Without options: reported and found. With --trust-times it is missed, unless the file is among those read
        // again.
        #expect(
            outcome.status == 0 && outcome.outputText.hasSuffix("2\n0\n2\n"),
            "\(outcome.outputText)\(outcome.errorText)")
    }

    @Test(.enabled(if: isRoot && canMount, "needs to mount a tmpfs")) func writesThroughAMappingAreNoticed()
        throws
    {
        let program = try CProgram.untimed.get().path
        let script: ByteString = """
            set -eu; mkdir mount; mount -t tmpfs none mount; mkdir mount/tree; chmod 755 . mount
            printf xbc > mount/tree/f; echo z > other; chown -R 65534 mount/tree other; mkfifo go; cp \(program) untimed; chmod 755 untimed
            setpriv --reuid=65534 --clear-groups ./untimed map mount/tree/f other < go & exec 3> go
            sleep 2.5; $F --save s.db --hash sha256 mount/tree; stat -c '%y %z' mount/tree/f > before
            echo >&3; wait; [ $(cat mount/tree/f) = zbc ]; stat -c '%y %z' mount/tree/f | cmp - before
            for options in "" --trust-times "--trust-times --reread 100%"; do
                $F verify --quick $options s.db 2>&1 | grep -c -e '^* mount/tree/f ' -e '/f’: its content has' || true
            done
            """
        let outcome = try run(
            ["unshare", "-m", "bash", "-c", script],
            ProcessOptions {
                $0.directory = directory.path
                $0.environment["F"] = Fsscan.path.text
            })
        #expect(
            outcome.status == 0 && outcome.outputText.hasSuffix("2\n0\n2\n"),
            "\(outcome.outputText)\(outcome.errorText)")
    }

    // MARK: What is derived from rows

    /// The packed digests of the file were taken over without checking the rows that they repeat.
    @Test func aDigestThatStandsInNoRowIsNotTakenOver() throws {
        try prepare(
            """
            clean=$(sha256sum < tree/a | cut -c1-64); echo trojan > tree/a; trojan=$(sha256sum < tree/a | cut -c1-64)
            \(Self.settle) $F --save s.db --hash sha256 tree; python3 $V1 s.db
            python3 - $trojan $clean <<'END'
            import sqlite3, sys
            old, new = map(bytes.fromhex, sys.argv[1:])
            c = sqlite3.connect('s.db')
            records = c.execute('SELECT records FROM content').fetchone()[0]
            assert old in records
            c.execute('UPDATE content SET records = ?', [records.replace(old, new)]); c.commit()
            END
            $F --save new.db --baseline s.db --hash sha256 tree 2> printed
            [ $(sqlite3 new.db "SELECT sha256 FROM entry WHERE path = 'tree/a'") = $trojan ]
            grep -q 'new.db#1’: 2 files were not read: the digests are those of the baseline' printed
            """)
    }

    @Test func theBaselineIsTheExpectedFile() throws {
        try prepare(
            """
            \(Self.settle) $F --save s.db --hash sha256 tree 2> printed; sha256sum s.db | cut -c1-64 > digest
            sed -n 's/.*evidence: //p' printed > evidence; sed -n 's/.*root.*: //p' printed > root
            """)
        let scan: ByteString = "$F --json --hash sha256 --baseline s.db --expect"
        #expect(try shell("\(scan) $(cat digest) tree | jq .baseline.reused").outputText == "2\n")
        // Also after the file has been compacted.
        #expect(
            try shell("sqlite3 s.db VACUUM; \(scan) $(cat evidence) tree | jq .baseline.reused").outputText == "2\n")
        let ofRoot = try shell("\(scan) $(cat root) tree")
        #expect(ofRoot.status == 64 && ofRoot.errorText.contains("use the evidence"), "\(ofRoot.errorText)")
        let refused = try shell("\(scan) \(Self.digest) tree")
        #expect(refused.status == 64 && refused.standardOutput.isEmpty)
        #expect(refused.errorText.contains("does not match --expect"), "\(refused.errorText)")
        #expect(try shell("\(scan) 12 tree").status == 64)
    }
}
