// `make install` and `make uninstall`: the places of files, that the program runs from there, and that nothing remains.

import TestSupport
import Testing

@testable import fsscan

@Suite(.disabled(if: isSanitized, "a sanitized program is not installed")) struct InstallTests {
    /// As root with a strict umask, and without a Swift toolchain.
    private static func make(
        _ target: ByteString, in destination: TemporaryDirectory, prefix: ByteString = "/usr/local",
        program: ByteString = Fsscan.path
    ) throws -> ProcessOutcome {
        try run(
            [
                "sh", "-c", #"umask 077; exec make --no-print-directory "$@""#, "make", target, "SWIFT=/bin/false",
                "BINARY=" + program, "PREFIX=" + prefix, "DESTDIR=" + destination.path,
            ], ProcessOptions { $0.directory = Repository.root })
    }

    private static func files(_ destination: TemporaryDirectory) throws -> [String] {
        let list = try output(
            of: ["find", ".", "!", "-type", "d", "-printf", "%P %m\n"],
            ProcessOptions { $0.directory = destination.path })
        return ByteString(list).text.split(separator: "\n").map(String.init).sorted()
    }

    @Test func eachFileLiesWhereItIsLookedFor() throws {
        let destination = try TemporaryDirectory()
        let outcome = try Self.make("install", in: destination)
        try #require(outcome.status == 0, "\(outcome.errorText)")
        let files = try Self.files(destination)
        for file in [
            "bin/fsscan 755", "libexec/fsscan/fsscan-magic 755", "share/man/man1/fsscan.1 644",
            "share/man/man1/fsscan-verify.1 644", "share/bash-completion/completions/fsscan 644",
            "share/zsh/site-functions/_fsscan 644", "share/fish/vendor_completions.d/fsscan.fish 644",
            "lib/systemd/system/fsscan.service 644", "lib/systemd/system/fsscan-verify.timer 644",
            "lib/systemd/system/fsscan-verify@.service 644", "lib/systemd/system/fsscan-verify@.timer 644",
            "lib/systemd/system/fsscan-alert@.service 644", "libexec/fsscan/fsscan-alert 755",
            "lib/sysusers.d/fsscan.conf 644", "share/doc/fsscan/README.md 644", "share/doc/fsscan/docs/OUTPUT.md 644",
        ] {
            #expect(files.contains("usr/local/\(file)"), "\(file)")
        }
        #expect(files.allSatisfy { $0.hasPrefix("usr/local/") })
        // Only root can change them, and everybody can read them.
        #expect(files.allSatisfy { $0.hasSuffix(" 644") || $0.hasSuffix(" 755") })
        let closed = try output(of: ["find", destination.appending("usr"), "-type", "d", "!", "-perm", "755"])
        #expect(closed.isEmpty, "\(ByteString(closed).text)")

        let script = try output(of: ["cat", destination.appending("usr/local/share/zsh/site-functions/_fsscan")])
        #expect(script == (try Fsscan.run(["--generate-completion-script", "zsh"]).standardOutput))
    }

    @Test func theInstalledProgramRuns() throws {
        let destination = try TemporaryDirectory()
        #expect(try Self.make("install", in: destination, prefix: "/opt/it").status == 0)
        let program = destination.appending("opt/it/bin/fsscan")
        let directory = try TemporaryDirectory([.file("script", "#!/bin/sh\n")])
        let scan = try run([program, "--ndjson", "--mime", directory.path])
        #expect(scan.status == 0, "\(scan.errorText)")
        #expect(scan.outputText.contains(#""mime":"text/x-shellscript""#))
        // The helper is found where it was installed: there is none beside the program.
        #expect(try run([program, "version"]).outputText.hasSuffix("\nMIME types: confined helper\n"))
        let sections = try output(of: ["readelf", "-SW", program])
        #expect(!ByteString(sections).text.contains(".symtab"), "the program is not stripped")
    }

    @Test func unitsStartTheProgramThatWasInstalled() throws {
        let destination = try TemporaryDirectory()
        #expect(try Self.make("install", in: destination, prefix: "/usr").status == 0)
        let lines = try output(of: [
            "sh", "-c", #"grep -h ^ExecStart= "$0"/*.service"#, destination.appending("usr/lib/systemd/system"),
        ])
        let starts = ByteString(lines).text.split(separator: "\n").filter { $0.contains("/fsscan ") }
        #expect(starts.count == 3)
        #expect(starts.allSatisfy { $0.hasPrefix("ExecStart=/usr/bin/fsscan ") }, "\(starts)")
        let alerts = ByteString(lines).text.split(separator: "\n").filter { $0.contains("/fsscan-alert ") }
        #expect(alerts.count == 2)
        #expect(alerts.allSatisfy { $0.contains("'/usr/libexec/fsscan/fsscan-alert ") }, "\(alerts)")
        #expect(try Self.files(destination).contains("usr/share/zsh/vendor-completions/_fsscan 644"))
    }

    @Test func uninstallingLeavesNothing() throws {
        let destination = try TemporaryDirectory([.directory("usr", [.directory("bin", [.file("other")])])])
        #expect(try Self.make("install", in: destination, prefix: "/usr").status == 0)
        let outcome = try Self.make("uninstall", in: destination, prefix: "/usr", program: "/nowhere/fsscan")
        #expect(outcome.status == 0, "\(outcome.errorText)")
        #expect(try Self.files(destination).map { $0.prefix { $0 != " " } } == ["usr/bin/other"])
        let own = try output(of: ["find", destination.path, "-name", "*fsscan*", "!", "-path", destination.path])
        #expect(own.isEmpty, "\(ByteString(own).text)")
        // With nothing to remove, it prints nothing.
        #expect(try Self.make("uninstall", in: destination, prefix: "/usr").status == 0)
    }

    /// It ran Swift, which `sudo` does not find, and left files owned by root in .build.
    @Test func missingBuildsAreNotInstalled() throws {
        let destination = try TemporaryDirectory()
        let outcome = try Self.make("install", in: destination, program: "/nowhere/fsscan")
        #expect(outcome.status == 2)
        #expect(outcome.errorText.contains("/nowhere/fsscan is missing. Run make build first"))
        #expect(try Self.files(destination).isEmpty)
    }

    @Test func thePackageHasTheProgramsVersion() throws {
        let first = try Repository.contents("debian/changelog").prefix { $0 != UInt8(ascii: "\n") }
        #expect(ByteString(first).text.hasPrefix("fsscan (\(Program.version)) "), "debian/changelog")
    }
}
