// The view of the system that a program is given: chroots, other mount namespaces, no /proc, mounts that come during the
// scan. Against find and du, which run beside fsscan in the same place.

import Glibc
import TestSupport
import Testing

private let mounts = ConditionTrait.enabled(if: isRoot && canMount, "needs root and mount namespaces")

/// Runs a script in a mount namespace of its own: `in_root COMMAND…` runs a command in a chroot that has the programs and
/// nothing else, `$R` is the chroot as seen from outside, `$T` the path of an empty directory in it, where the script begins.
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
            in_root fsscan verify $T/saved && echo $?
            echo y >a/f; in_root fsscan diff --format json $T/saved $T/a | jq -r '.changes[].path | sub(".*/"; "")' || true
            ls -A
            """)
        #expect(
            outcome.outputText == "2\nNo difference.\n0\nf\na\nreport\nsaved\ntrace\n",
            "\(outcome.outputText) \(outcome.errorText)")
    }

    /// How many workers there are depends on the address space that is left, which is asked of the kernel, not of /proc.
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

    /// After setenv(3), `environ` is not behind the arguments any more.
    @Test(.disabled(if: isSanitized, "nothing can be preloaded into a sanitized program"))
    func argumentsSurviveALibraryThatChangesTheEnvironment() throws {
        let directory = try TemporaryDirectory([.file("f", "x")])
        let library = try CProgram.setenv.get().path.text
        let outcome = try Fsscan.run(
            ["--json", directory.path], ProcessOptions { $0.environment = ["LD_PRELOAD": library] })
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
    }

    @Test(mounts) func whatNeedsProcSaysSo() throws {
        let outcome = try runWithChroot("in_root fsscan --ndjson --xattrs $T")
        #expect(outcome.status == 69)
        #expect(outcome.errorText == "fsscan: --xattrs: needs /proc\n")
        #expect(outcome.outputText == "")
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
        let outcome = try Fsscan.run(["--mime", directory.path], options)
        #expect(outcome.end == .exited(69))
        #expect(outcome.outputText == "")
        #expect(outcome.errorText.split(separator: "\n").count == 1, "\(outcome.errorText)")
        #expect(outcome.errorText.hasPrefix("fsscan: --mime: libmagic cannot load its database: "))
    }
}
