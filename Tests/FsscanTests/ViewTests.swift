// Restricted views of the system: chroots, other mount namespaces, no /proc, mounts that appear during the scan.
// Against find and du, which run beside fsscan in the same place.

import Glibc
import TestSupport
import Testing

private let mounts = ConditionTrait.enabled(if: isRoot && canMount, "needs root and mount namespaces")

/// Runs a script in its own mount namespace: `in_root COMMAND…` runs a command in a chroot that contains only the
/// programs, `$R` is the chroot seen from outside, `$T` the path of an empty directory in it, where the script begins.
private func runWithChroot(
    _ script: String, _ options: ProcessOptions = ProcessOptions()
) throws -> ProcessOutcome {
    let root = try TemporaryDirectory()
    let text = """
        set -e; R=$1; T=/tree; "$2" $R "$3" find du cat; mkdir $R$T; cd $R$T
        in_root() { chroot $R "$@"; }
        \(script)
        """
    return try run(
        [
            "unshare", "-m", "bash", "-c", ByteString(text), "bash", root.path,
            Repository.path("Tests/faults/chroot.sh"), Fsscan.path,
        ], options)
}

@Suite struct ViewTests {
    // MARK: No /proc

    /// Swift's runtime looks for the arguments in /proc/self/cmdline: there were none, "no PATH given".
    @Test(mounts) func aScanWithoutProcIsThatOfFind() throws {
        let outcome = try runWithChroot(
            #"""
            mkdir -p a/b; echo x >a/b/f; ln a/b/f a/g; ln -s f a/s; mkfifo a/p; touch $'a/\xff\n'; echo '*.o' >a/.gitignore
            in_root fsscan --ndjson --sorted $T/a | jq -r 'select(.type == "entry") | .path_b64 // (.path | @base64)' | sort >$R$T.1
            in_root find $T/a -print0 | while IFS= read -rd '' path; do printf %s "$path" | base64 -w0; echo; done | sort | diff - $R$T.1
            for options in "" "--threads 5 --hash sha256 --gitignore" "--sorted --format csv" "-x --depth 3"; do
                in_root fsscan $options $T/a >$R$T.2
            done
            in_root fsscan --json $T/a | jq .totals.disk_bytes
            in_root du -s -B1 $T/a | cut -f1
            # A name with a byte that is not UTF-8, as an argument.
            in_root fsscan --json $T/$'a/\xff\n' | jq -c '[.totals.files, .roots[0].path_b64 != null]'
            """#)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        let lines = outcome.outputText.split(separator: "\n")
        try #require(lines.count == 3, "\(outcome.outputText)")
        #expect(lines[0] == lines[1])
        #expect(lines[2] == "[1,true]")
        #expect(outcome.errorText == "")
    }

    @Test(mounts) func savingComparingAndReplacingFilesNeedNoProc() throws {
        let outcome = try runWithChroot(
            """
            mkdir a; echo x >a/f
            in_root fsscan --json -o $T/report $T/a; jq -r .totals.entries report
            in_root fsscan --save $T/saved --hash sha256 --trace $T/trace $T/a >/dev/null 2>&1; jq length trace >/dev/null
            in_root fsscan verify $T/saved >verdict && grep -v '^Evidence ' verdict; echo $?; rm verdict
            echo y >a/f; in_root fsscan diff --format json $T/saved $T/a | jq -r '.changes[].path | sub(".*/"; "")' || true
            ls -A
            """)
        #expect(
            outcome.outputText
                == """
                2
                No difference.
                OLD was scanned without --xattrs, not compared: extended attributes, ACLs and capabilities.
                0
                f
                a
                report
                saved
                trace

                """, "\(outcome.outputText) \(outcome.errorText)")
    }

    /// The number of workers depends on the remaining address space, which the kernel reports without /proc.
    @Test(mounts, .disabled(if: isSanitized, "a sanitizer reserves terabytes"))
    func limitsAreSeenWithoutProc() throws {
        let outcome = try runWithChroot(
            """
            touch f
            workers() { (ulimit $1; in_root fsscan --threads 100 --json $T | jq .timing.threads); }
            workers "-v 600000"; workers "-n 64"
            mount -t proc proc $R/proc
            workers "-v 600000"; workers "-n 64"
            """)
        let lines = outcome.outputText.split(separator: "\n")
        try #require(lines.count == 4, "\(outcome.outputText) \(outcome.errorText)")
        let workers = lines.compactMap { Int($0) }
        #expect(workers[0] == workers[2] && workers[1] == workers[3], "\(lines)")
        #expect(workers[0] < 100)
    }

    @Test(mounts) func optionsThatNeedProcReportItsAbsence() throws {
        let outcome = try runWithChroot("in_root fsscan --ndjson --xattrs $T")
        #expect(outcome.status == 69)
        #expect(outcome.errorText == "fsscan: --xattrs: needs /proc\n")
        #expect(outcome.outputText == "")
    }

    /// After setenv(3), `environ` no longer follows the arguments.
    @Test(.disabled(if: isSanitized, "nothing can be preloaded into a sanitized program"))
    func argumentsSurviveALibraryThatChangesTheEnvironment() throws {
        let directory = try TemporaryDirectory([.file("f", "x")])
        let library = try CProgram.setenv.get().path.text
        let outcome = try Fsscan.run(
            ["--json", directory.path], ProcessOptions { $0.environment = ["LD_PRELOAD": library] })
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
    }

    // MARK: Mounts that the table does not show

    /// In a chroot the mount that contains the root is missing from the table: the device seemed to be mounted once,
    /// and an inode with two links counted at both places.
    @Test(mounts, arguments: [1, 7]) func hardLinksInAChrootCountAsInDu(threads: Int) throws {
        let outcome = try runWithChroot(
            """
            mount -t proc proc $R/proc
            mkdir d y; head -c 1000000 /dev/zero >d/a; ln d/a d/b
            mount --bind d y
            grep -c " $T/y " <(in_root cat /proc/self/mountinfo); in_root cat /proc/self/mountinfo | grep -c ' / / ' || true
            in_root du -s -B1 $T | cut -f1
            in_root fsscan --json --threads \(threads) $T | jq .totals.disk_bytes
            in_root fsscan --ndjson --threads \(threads) $T | jq 'select(.type == "summary").totals.disk_bytes'
            """)
        let lines = outcome.outputText.split(separator: "\n")
        try #require(lines.count == 5, "\(outcome.outputText) \(outcome.errorText)")
        #expect(lines[0] == "1" && lines[1] == "0", "the table shows the one mount and not the root's")
        #expect(lines[3] == lines[2])
        #expect(lines[4] == lines[2])
    }

    /// The mounts belong to another namespace; this one's table shows the device once.
    @Test(mounts) func hardLinksInAnotherNamespaceCountAsInDu() throws {
        let directory = try TemporaryDirectory([.directory("tree")])
        let script = """
            set -e; cd "$1"; mount -t tmpfs none tree; mkdir tree/d tree/y; echo x >tree/d/a; ln tree/d/a tree/d/b
            mkfifo ready end
            unshare -m sh -c 'mount --bind tree/d tree/y; echo $$ >ready; read line <end' &
            read pid <ready; root=/proc/$pid/root$PWD/tree
            du -s -B1 $root | cut -f1; "$2" --json $root | jq .totals.disk_bytes
            echo >end; wait
            """
        let outcome = try run(["unshare", "-m", "sh", "-c", ByteString(script), "sh", directory.path, Fsscan.path])
        let lines = outcome.outputText.split(separator: "\n")
        try #require(lines.count == 2, "\(outcome.outputText) \(outcome.errorText)")
        #expect(lines[1] == lines[0])
    }

    /// The scan itself causes the device to be mounted a second time, when it enters an automount point.
    @Test(.enabled(if: isRoot && canMount && kernelKnows("autofs"), "needs root, mount namespaces and autofs"))
    func hardLinksBehindAnAutomountCountAsInDu() throws {
        let directory = try TemporaryDirectory([.directory("tree")])
        let script = """
            set -e; cd "$1"; mount -t tmpfs none tree; mkdir tree/source; echo x >tree/source/a; ln tree/source/a tree/source/b
            exec python3 "$3" "$PWD/tree" sh -c '"$0" --json tree | jq .totals.disk_bytes
                find tree | wc -l; du -s -B1 tree | cut -f1' "$2"
            """
        let outcome = try run(
            [
                "unshare", "-m", "sh", "-c", ByteString(script), "sh", directory.path, Fsscan.path,
                Repository.path("Tests/faults/stale_automount.py"),
            ])
        let lines = outcome.outputText.split(separator: "\n")
        try #require(lines.count == 3, "\(outcome.outputText) \(outcome.errorText)")
        #expect(lines[1] == "7", "the automount was entered")
        #expect(lines[0] == lines[2])
    }

    // MARK: Directories inside themselves

    /// `--json` listed them twice, while `--ndjson` reported ELOOP; and a directory that is its own ancestor only
    /// further below the mount point was listed twice in all formats.
    @Test(
        mounts,
        arguments: [
            // In a chroot with the table, in one without, and outside.
            ("mount -t proc proc $R/proc", "in_root", "$T"), ("", "in_root", "$T"), ("", "", "$R$T"),
        ], ["tree tree/y", ". tree/y", "tree/d tree/d/e/f/g", "tree tree/d/e"])
    func aDirectoryInsideItselfIsThatInAllFormats(place: (String, String, String), bind: String) throws {
        let (before, command, path) = place
        let outcome = try runWithChroot(
            """
            \(before)
            mkdir -p tree/y tree/d/e/f/g; echo x >tree/d/f
            mount --bind \(bind)
            tree=\(path)/tree
            { \(command) find $tree 2>&1 >/dev/null || true; } | awk -F"'" '/loop detected/ { print $2 }' | sort >$R$T.find
            test -s $R$T.find
            check() { sort | diff $R$T.find - || echo "$* differs"; }
            run() { \(command) \(command.isEmpty ? "$F" : "fsscan") "$@"; }
            for threads in 1 3; do
                { run --threads $threads --json $tree || echo $? >&2; } | jq -r '.errors[] | select(.code == "ELOOP").path' | check json
                { run --threads $threads --ndjson $tree || echo $? >&2; } | jq -r 'select(.code == "ELOOP").path' | check ndjson
                for format in text csv mtree ncdu; do
                    { run --threads $threads --format $format $tree 2>&1 >/dev/null || echo $?; } \\
                        | awk -F"'" '/Too many levels/ { print $2 } /^1$/ { print >"/dev/stderr" }' | check $format
                done
            done
            { run --json $tree || true; } | jq .totals.entries; { run --ndjson $tree || true; } | jq 'select(.type == "summary").totals.entries'
            """, ProcessOptions { $0.environment = ["F": Fsscan.path.text, "LC_ALL": "C"] })
        let lines = outcome.outputText.split(separator: "\n")
        try #require(lines.count == 2, "\(outcome.outputText) \(outcome.errorText)")
        #expect(lines[0] == lines[1])
        #expect(outcome.errorText == String(repeating: "1\n", count: 12), "each run ends with 1")
    }

    // MARK: No threads

    /// The writer of a saved scan had a thread of its own or none: "no thread for writing".
    @Test(arguments: [["--hash", "sha256"], []] as [[ByteString]])
    func aScanIsSavedOnTheThreadsThatThereAre(options: [ByteString]) throws {
        let directory = try TemporaryDirectory(
            mixedTree + Tree((0..<300).map { .directory("d\($0)", [.file("f", "\($0)")]) }))
        let place = try TemporaryDirectory()
        let (tree, saved) = (directory.path, place.appending("saved"))
        let refuse = try CProgram.refuse.get().path
        let scan = try ScanRun(
            options + ["--progress", "--save", saved, tree], threads: 7, under: [refuse, "EAGAIN", "clone3"])
        #expect(scan.outcome.end == .exited(0), "\(scan.outcome.errorText)")
        let free = try ScanRun(options + [tree], threads: 7)
        #expect(try scan.timeless() == free.timeless())
        #expect(scan.outcome.outputText.contains(#""threads": 1"#))
        #expect(free.outcome.outputText.contains(#""threads": 7"#))
        for (place, launcher) in [(saved, []), (saved, [refuse, "EAGAIN", "clone3"])] as [(ByteString, [ByteString])] {
            let verified = try run(launcher + [Fsscan.path, "verify", place])
            #expect(verified.outputText.hasPrefix("No difference") && verified.status == 0, "\(verified.errorText)")
        }
        let check = try output(of: ["sqlite3", saved, "PRAGMA integrity_check; SELECT count(*) FROM entries"])
        #expect(try String(decoding: check, as: UTF8.self) == "ok\n\(free.report().totals.entries)\n")
    }

    @Test(
        .enabled(if: isRoot, "root's processes have no limit, others share theirs"),
        .disabled(if: isSanitized, "a sanitizer has a thread of its own"), arguments: [1, 2, 4])
    func theReportSaysHowManyWorkersRan(limit: Int) throws {
        let directory = try TemporaryDirectory(mixedTree)
        let tools = try TemporaryDirectory()
        let program = try Fsscan.copy(to: tools)
        // A user without other processes.
        let scan = try ScanRun(
            [directory.path], threads: 8, program: program,
            under: [
                "setpriv", "--reuid=\(54_320 + limit)", "--regid=54320", "--clear-groups", "prlimit",
                "--nproc=\(limit)", "--",
            ])
        // One of them, if there may be a second, waits for SIGUSR1.
        let workers = max(1, limit - 1)
        #expect(scan.outcome.outputText.contains(#""threads": \#(workers)"#), "\(scan.outcome.outputText.suffix(200))")
    }

    // MARK: libmagic

    @Test(mounts) func aMissingDatabaseIsOneLine() throws {
        let outcome = try runWithChroot(
            """
            status=0; in_root fsscan --mime $T || status=$?; echo $status
            in_root fsscan --mime --save $T/saved $T 2>/dev/null || true; ls -A
            """)
        #expect(outcome.outputText == "69\n")
        let lines = outcome.errorText.split(separator: "\n")
        #expect(lines.count == 1 && outcome.errorText.hasPrefix("fsscan: --mime: libmagic"), "\(outcome.errorText)")
    }

    @Test(arguments: ["/nonexistent", "/etc/passwd", "/etc"])
    func aDatabaseThatIsNoneIsOneLine(magic: String) throws {
        let directory = try TemporaryDirectory([.file("f", "x")])
        let options = ProcessOptions { $0.environment = ["MAGIC": magic] }
        // Root ignores MAGIC.
        let tools = try TemporaryDirectory()
        let user: [ByteString] = isRoot ? ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"] : []
        let outcome = try run(user + [Fsscan.copy(to: tools), "--mime", directory.path], options)
        #expect(outcome.end == .exited(69))
        #expect(outcome.outputText == "")
        #expect(outcome.errorText.split(separator: "\n").count == 1, "\(outcome.errorText)")
        #expect(outcome.errorText.hasPrefix("fsscan: --mime: libmagic cannot load its database: "))
    }
}
