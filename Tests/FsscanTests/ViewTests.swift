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
