// The libmagic helper: the calls it cannot make, the errors of files that crash it, and the messages without it. Also
// the variables through which others could control a program of root's.

import Foundation
import Glibc
import TestSupport
import Testing

/// AddressSanitizer and ThreadSanitizer need calls that the filter refuses, and want to be the first library of a
/// process.
private let unsanitized = ConditionTrait.disabled(if: isSanitized, "a sanitized helper is not confined")

@Suite struct SandboxTests {
    /// Each entry's path and type, or its error.
    private static func answers(_ outcome: ProcessOutcome) throws -> [String] {
        try outcome.outputText.split(separator: "\n").dropFirst().dropLast().map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            let record = try #require(object as? [String: Any])
            let path = (record["path"] as? String ?? "").split(separator: "/").last ?? ""
            if record["type"] as? String != "error" { return "\(path) \(record["mime"] as? String ?? "-")" }
            return "\(path): \(record["operation"] ?? "") \(record["code"] ?? "")"
        }
    }

    private static func scan(
        _ directory: TemporaryDirectory, _ options: ProcessOptions = ProcessOptions(),
        program: ByteString = Fsscan.path,
        threads: Int = 2
    ) throws -> ProcessOutcome {
        try run([program, "--ndjson", "--sorted", "--mime", "--threads", "\(threads)", directory.path], options)
    }

    private static func takenOver() throws -> ProcessOptions {
        let library = try CProgram.badmagic.get().path.text
        return ProcessOptions { $0.environment = ["LD_PRELOAD": library] }
    }

    @Test func theVersionSaysWhetherTypesAreConfined() throws {
        let lines = try Fsscan.run(["--version"]).outputText.split(separator: "\n")
        #expect(lines.count == 2)
        let answer = isSanitized ? "not confined: built with a sanitizer" : "confined helper"
        #expect(lines.last == "MIME types: \(answer)")
    }

    /// The preloaded library tries it on request, after the filter is in place.
    @Test(unsanitized) func nothingButReadingWorks() throws {
        let directory = try TemporaryDirectory([.file("f", "TRIES")])
        #expect(try Self.answers(try Self.scan(directory, try Self.takenOver())).last == "f worked:")
        // Without the filter it does: the test can fail.
        let free = try run(
            [
                try CProgram.refuse.get().path, "EPERM", "prctl", Fsscan.path, "--ndjson", "--sorted", "--mime",
                directory.path,
            ],
            try Self.takenOver())
        #expect(try Self.answers(free).last?.hasPrefix("f worked: open openat2 stat socket fork execve") == true)
    }

    @Test(unsanitized, arguments: threadCounts)
    func aCrashIsAnErrorOfThatFileAlone(threads: Int) throws {
        let tree: Tree = [
            .directory("a", Tree((10..<40).map { .file("f\($0)", "#!/bin/sh\n# \($0)") }) + [.file("f25x", "CRASH")]),
            .directory("b", [.file("one", "CRASH 1"), .file("text", "text"), .file("two", "CRASH 2")]),
            .file("alone", "CRASH 3"), .file("lies", "LIES\n"),
        ]
        let directory = try TemporaryDirectory(tree)
        let outcome = try Self.scan(directory, try Self.takenOver(), threads: threads)
        #expect(outcome.end == .exited(1))
        let answers = try Self.answers(outcome)
        let failed = answers.filter { $0.contains(":") }
        #expect(
            failed.sorted() == [
                "alone: magic EIO", "f25x: magic EIO", "lies: magic EBADMSG", "one: magic EIO", "two: magic EIO",
            ])
        #expect(answers.filter { $0.hasSuffix(" text/x-shellscript") }.count == 30)
        #expect(answers.contains("text text/plain"))
        #expect(try ScanRun(["--mime", directory.path], threads: threads, try Self.takenOver()).schemaProblems() == "")
    }

    /// A report contains the results before the signal; the terminal sends it to the helper, too.
    @Test func aStopSignalForTheGroupLeavesTheHelperToItsParent() throws {
        let outcome = try Fsscan.shell(
            """
            set -m; "$F" --json --mime --threads 2 /usr/share >report 2>errors & sleep 0.5; kill -INT -- -$!; wait $!
            echo $?; grep -c '"operation": "magic' report
            """, in: try TemporaryDirectory())
        #expect(outcome.outputText == "130\n0\n")
    }

    // MARK: Without

    @Test func withoutTheHelperTheAnswersAreTheSameAndRootIsWarned() throws {
        let directory = try TemporaryDirectory([
            .file("f", "#!/bin/sh\n"), .file("g", "%PDF-1.4"), .file("h", "GIF89a"),
        ])
        let place = try TemporaryDirectory()
        let program = try Fsscan.copy(to: place, withHelper: false)
        let usual = try Self.scan(directory)
        let alone = try Self.scan(directory, program: program)
        #expect(try Self.answers(alone) == Self.answers(usual))
        #expect(alone.end == .exited(0))
        let reason = "not confined: libmagic runs in fsscan's own process: fsscan-magic is not installed\n"
        #expect(alone.errorText == (isRoot ? "fsscan: warning: --mime: \(reason)" : ""))
        #expect(try run([program, "--version"]).outputText.hasSuffix("MIME types: \(reason)"))
    }

    @Test(unsanitized) func aKernelWithoutFiltersIsReported() throws {
        let directory = try TemporaryDirectory([.file("f", "#!/bin/sh\n")])
        let refuse: [ByteString] = [try CProgram.refuse.get().path, "EPERM", "prctl"]
        let reason = "not confined: the kernel refuses a seccomp filter: Operation not permitted"
        #expect(try run(refuse + [Fsscan.path, "--version"]).outputText.hasSuffix("MIME types: \(reason)\n"))
        let outcome = try run(refuse + [Fsscan.path, "--ndjson", "--sorted", "--mime", directory.path])
        #expect(try Self.answers(outcome).last == "f text/x-shellscript")
        #expect(outcome.errorText == (isRoot ? "fsscan: warning: --mime: \(reason)\n" : ""))
    }

    /// An attacker may put a program of that name beside a copy of fsscan that root starts.
    @Test(
        .enabled(if: isRoot, "needs root"),
        arguments: ["chmod 777 .", "chown 65534 fsscan-magic", "chmod g+w fsscan-magic"])
    func rootStartsNoHelperOfOthers(change: String) throws {
        let place = try TemporaryDirectory()
        let program = try Fsscan.copy(to: place)
        #expect(!(try run([program, "--version"]).outputText.contains("own process")))
        _ = try output(of: ["sh", "-c", ByteString(change)], ProcessOptions { $0.directory = place.path })
        let text = try run([program, "--version"]).outputText
        #expect(text.contains("own process: users other than root and the owner of fsscan may change fsscan-magic"))
    }

    @Test func itIsFoundFromAnotherDirectoryAndThroughALink() throws {
        let place = try TemporaryDirectory([.directory("bin"), .directory("libexec", [.directory("fsscan")])])
        let program = try Fsscan.copy(to: place)
        let script = """
            chmod 755 . && mv "$0" bin/fsscan && mv fsscan-magic libexec/fsscan/ && ln -s ../bin/fsscan libexec/link &&
            cd libexec && ./link --version && cd ../bin && ./fsscan --version && PATH=. fsscan --version
            """
        let outcome = try run(
            ["sh", "-c", ByteString(script), program], ProcessOptions { $0.directory = place.path })
        let found = outcome.outputText.split(separator: "\n").filter { $0.hasPrefix("MIME types: ") }
        #expect(found.count == 3 && !found.contains { $0.contains("own process") }, "\(outcome.outputText)")
    }

    // MARK: The environment

    /// `file` takes both; so does an ordinary user's fsscan.
    @Test(.enabled(if: isRoot, "needs root"), arguments: [true, false], ["MAGIC", "HOME"])
    func rootTakesNoDatabaseOfOthers(asRoot: Bool, variable: String) throws {
        let rules = "0\tstring\tHELLO\thello\n!:mime\tx/other\n"
        let directory = try TemporaryDirectory([.file("f", "HELLO")])
        let home = try TemporaryDirectory([.file(".magic", ByteString(rules))])
        let tools = try TemporaryDirectory()
        let program = try Fsscan.copy(to: tools)
        _ = try output(of: ["chmod", "755", directory.path, home.path, tools.path])
        let value = variable == "HOME" ? home.path : home.appending(".magic")
        let outcome = try Self.scan(
            directory,
            ProcessOptions {
                $0.environment = [variable: value.text]
                $0.asOrdinaryUser = !asRoot
            }, program: program)
        #expect(try Self.answers(outcome).last == (asRoot ? "f text/plain" : "f x/other"), "\(outcome.errorText)")
    }

    /// OpenSSL loads code that its configuration names.
    @Test(.enabled(if: isRoot, "needs root"), unsanitized, arguments: [true, false])
    func rootLoadsNoProviderOfOthers(asRoot: Bool) throws {
        let configuration: ByteString = "openssl_conf = a\n[a]\nproviders = b\n[b]\nevil = c\n[c]\nactivate = 1\n"
        let place = try TemporaryDirectory([.file("evil.cnf", configuration), .file("f", "x")])
        let tools = try TemporaryDirectory()
        let program = try Fsscan.copy(to: tools)
        _ = try output(of: ["chmod", "777", place.path, tools.path])
        let strace: [ByteString] = ["strace", "-f", "-qq", "-e", "trace=openat", "-o", place.appending("calls")]
        let outcome = try run(
            strace + [program, "--hash", "sha256", "--json", place.appending("f")],
            ProcessOptions {
                $0.environment = ["OPENSSL_CONF": place.appending("evil.cnf").text, "OPENSSL_MODULES": place.path.text]
                $0.asOrdinaryUser = !asRoot
            })
        let calls = String(decoding: try output(of: ["cat", place.appending("calls")]), as: UTF8.self)
        #expect(outcome.status == 0 || !asRoot, "\(outcome.errorText)")
        #expect(calls.contains("evil.cnf") == !asRoot && calls.contains("evil.so") == !asRoot, "\(outcome.errorText)")
    }

    @Test(
        .enabled(if: isRoot, "needs root"), arguments: ["TMPDIR", "SQLITE_TMPDIR"],
        [("700", "0", true), ("1777", "0", true), ("777", "0", false), ("700", "65534", false)])
    func rootTakesNoTemporaryDirectoryOfOthers(
        variable: String, place: (mode: String, owner: String, isTaken: Bool)
    ) throws {
        let directory = try TemporaryDirectory([.directory("t"), .directory("tree", [.file("f")])])
        _ = try output(of: ["chmod", "755", directory.path])
        _ = try output(of: ["chown", ByteString(place.owner), directory.appending("t")])
        _ = try output(of: ["chmod", ByteString(place.mode), directory.appending("t")])
        let outcome = try Fsscan.run(
            [directory.appending("tree")], ProcessOptions { $0.environment = [variable: directory.appending("t").text] }
        )
        #expect(outcome.end == .exited(0))
        let warning = "fsscan: warning: \(variable) is not used: users other than root may change that directory\n"
        #expect(outcome.errorText == (place.isTaken ? "" : warning))
    }
}
