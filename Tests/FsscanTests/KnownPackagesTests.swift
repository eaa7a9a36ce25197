// `--known dpkg`: changes of an upgrade, listed separately. dpkg itself builds and installs the packages, in a separate
// root.

import TestSupport
import Testing

@Suite(.enabled(if: isRoot, "only root can install with dpkg")) struct KnownPackagesTests {
    /// `upgrade`: installs the second version of a package whose first one is installed and saved.
    private static let script: ByteString = #"""
        set -e
        make() {
          rm -rf p; mkdir -p p/DEBIAN p/usr/bin p/etc p/usr/share/tool
          printf 'Package: tool\nVersion: %s\nArchitecture: all\nMaintainer: x <x@x.x>\nDescription: x\n' $1 >p/DEBIAN/control
          echo "$2" >p/usr/bin/tool; chmod 755 p/usr/bin/tool; echo "data $2" >p/usr/share/tool/data
          echo "conf $2" >p/etc/tool.conf; echo same >p/usr/share/tool/same; echo "$2" >"p/usr/share/tool/only $2"
          echo /etc/tool.conf >p/DEBIAN/conffiles
          (cd p; md5sum usr/bin/tool usr/share/tool/* >DEBIAN/md5sums)
          dpkg-deb --root-owner-group -b p $1.deb
        }
        exec >log 2>&1
        make 1 one; make 2 two
        mkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates; touch root/var/lib/dpkg/status
        dpkg --root=$PWD/root --log=/dev/null -i 1.deb
        ln -s usr/bin root/bin
        $F --save usr.db --hash sha256 root/usr; $F --save etc.db --hash sha256 root/etc
        """#

    private static func installed() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let outcome = try Fsscan.shell(script, in: directory)
        let log = try Fsscan.shell("cat log", in: directory).outputText
        #expect(outcome.status == 0, "\(log)")
        return directory
    }

    private static let upgrade: ByteString = "dpkg --root=$PWD/root --log=/dev/null -i 2.deb >log 2>&1\n"
    private static let verify: ByteString = "$F verify --known dpkg:root/var/lib/dpkg "

    /// Paths of changes, the known and the others, by jq.
    private static func changes(_ saved: ByteString, in directory: TemporaryDirectory) throws -> [String] {
        let outcome = try Fsscan.shell(verify + "--json " + saved + " >j", in: directory)
        #expect(outcome.status == 1, "\(outcome.errorText)")
        try expectValid("diff", Array(Fsscan.shell("cat j", in: directory).standardOutput))
        let lines = try Fsscan.shell(
            #"jq -r '.changes[] | (.known // "-") + " " + (.path | sub(".*root/"; ""))' j"#, in: directory)
        return lines.outputText.split(separator: "\n").map(String.init)
    }

    @Test func anUpgradeIsListedApart() throws {
        let directory = try Self.installed()
        let outcome = try Fsscan.shell(Self.upgrade + Self.verify + "usr.db", in: directory)
        #expect(outcome.status == 1)
        let lines = outcome.outputText.split(separator: "\n").map { String($0.split(separator: "  ")[0]) }
        #expect(
            lines.prefix(7) == [
                // dpkg has no record of removed files.
                "- root/usr/share/tool/only one",
                "With the content of dpkg's packages, which is a hint and no proof:",
                "* root/usr/bin/tool", "* root/usr/share/tool/data", "! root/usr/share/tool/same",
                "+ root/usr/share/tool/only two", "1 added, 1 removed, 2 with other content, 1 with other metadata.",
            ], "\(outcome.outputText)")
        #expect(lines[7] == "4 of these with the content of dpkg's packages.")
        #expect(try Self.changes("etc.db", in: directory) == ["dpkg etc/tool.conf"])
    }

    /// `dpkg -V` is the oracle: files that it complains about are not known, and all others are.
    @Test func dpkgAgrees() throws {
        let directory = try Self.installed()
        _ = try Fsscan.shell(
            Self.upgrade + "cd root; echo x >>usr/bin/tool; echo x >usr/bin/other; echo y >>etc/tool.conf",
            in: directory)
        let verdict = try Fsscan.shell(
            "dpkg --root=$PWD/root -V | sed 's/.* //' | sort | tr '\\n' ' '", in: directory)
        #expect(verdict.outputText == "/etc/tool.conf /usr/bin/tool ")
        #expect(
            try Self.changes("usr.db", in: directory) == [
                "- usr/bin/tool", "dpkg usr/share/tool/data", "dpkg usr/share/tool/same", "- usr/bin/other",
                "- usr/share/tool/only one", "dpkg usr/share/tool/only two",
            ])
        #expect(try Self.changes("etc.db", in: directory) == ["- etc/tool.conf"])
    }

    @Test func changesBeyondContentAreNotKnown() throws {
        let directory = try Self.installed()
        _ = try Fsscan.shell(
            Self.upgrade + "chmod u+s root/usr/bin/tool; chown 7 root/usr/share/tool/same", in: directory)
        let changes = try Self.changes("usr.db", in: directory)
        #expect(changes.contains("- usr/bin/tool") && changes.contains("- usr/share/tool/same"), "\(changes)")
    }

    /// A field that is excluded from the comparison is still checked here.
    @Test(arguments: ["--ignore mode", "--rules rules"]) func aFileThatBecameSetuidIsNeverKnown(
        _ option: ByteString
    ) throws {
        let directory = try Self.installed()
        let outcome = try Fsscan.shell(
            Self.upgrade + "echo '* -mode' >rules; chmod u+s root/usr/bin/tool\n" + Self.verify + option
                + " --json usr.db | jq -r '.changes[] | select(.path | endswith(\"bin/tool\")) | .known // \"-\"'",
            in: directory)
        #expect(outcome.outputText == "-\n", "\(outcome.errorText)")
    }

    /// A package that names files by `/bin`, and a diversion.
    @Test func otherNamesOfAPathAreKnown() throws {
        let directory = try Self.installed()
        let outcome = try Fsscan.shell(
            """
            set -e; echo v >root/usr/bin/v; echo w >root/usr/bin/w.real
            cd root; (echo "$(md5sum <usr/bin/v | cut -c1-32)  bin/v"; echo "$(md5sum <usr/bin/w.real | cut -c1-32)  usr/bin/w") \\
              >var/lib/dpkg/info/more:all.md5sums
            printf '/usr/bin/w\\n/usr/bin/w.real\\nother\\n' >var/lib/dpkg/diversions
            """, in: directory)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        #expect(try Self.changes("usr.db", in: directory) == ["dpkg usr/bin/v", "dpkg usr/bin/w.real"])
    }

    @Test(arguments: ["--known rpm", "--known dpkg:", "--known dpkg:missing"]) func anythingButADatabaseIsRefused(
        _ option: ByteString
    ) throws {
        let directory = try TemporaryDirectory([.directory("t", [.file("a")])])
        let outcome = try Fsscan.shell("$F --save s.db t >out 2>&1; $F verify " + option + " s.db", in: directory)
        #expect(outcome.status == 64 && outcome.errorText.contains("--known"), "\(outcome.errorText)")
        #expect(try Fsscan.shell("$F diff --known dpkg t s.db", in: directory).status == 64)
    }
}
