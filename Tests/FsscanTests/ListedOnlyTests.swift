// `verify LIST --listed-only`: the files that LIST names, and no others.

import TestSupport
import Testing

@Suite struct ListedOnlyTests {
    private static func place() throws -> TemporaryDirectory {
        let many = Tree((0..<30).map { .file(ByteString("f\($0)"), ByteString("content \($0)")) })
        let directory = try TemporaryDirectory([
            .directory("t", [.directory("d", many), .file("listed", "x"), .directory("e", [.file("deep", "y")])])
        ])
        _ = try output(of: [
            "sh", "-ec", "cd \"$0/t\"; md5sum listed e/deep >../list.md5sums", directory.path,
        ])
        return directory
    }

    @Test(.disabled(if: isSanitized, "LeakSanitizer does not work under strace"))
    func onlyListedFilesAreReadAndReported() throws {
        let directory = try Self.place()
        let script: ByteString = """
            strace -f -e trace=openat -o trace $F verify --listed-only list.md5sums t; echo $?
            grep -v DIRECTORY trace | grep -oE '"[a-z0-9]+", O_RDONLY.O_NON' | cut -d '"' -f 2 | sort -u | tr '\\n' ' '
            """
        let outcome = try Fsscan.shell(script, in: directory)
        let text = outcome.outputText
        #expect(text.hasPrefix("No difference in what was compared.\n"), "\(text)\(outcome.errorText)")
        // t, d, the files in it, and e.
        #expect(text.contains("Not listed in OLD, not compared: 33 entries of NEW.\n"), "\(text)")
        #expect(text.hasSuffix("\n0\ndeep listed "), "\(text)")
        let json = try Fsscan.shell(
            "echo z >t/listed; rm t/e/deep; echo >t/new; $F verify --listed-only --json list.md5sums t >j; echo $?; "
                + "jq -c '[.changes[] | .path, .changes[0]], .totals.new_not_listed' j", in: directory)
        #expect(json.outputText == "1\n[\"t/listed\",\"content\",\"e/deep\",\"removed\"]\n34\n", "\(json.errorText)")
        try expectValid("diff", Array(Fsscan.shell("cat j", in: directory).standardOutput))
    }

    /// Without the option all files are hashed and reported.
    @Test func withoutItOthersAreNotRead() throws {
        let directory = try Self.place()
        let whole = try Fsscan.shell("$F verify --json list.md5sums t | jq .totals.new_not_listed", in: directory)
        #expect(whole.outputText == "null\n")
        let sums = try Fsscan.shell("cd t; md5sum --quiet -c ../list.md5sums && echo fine", in: directory)
        #expect(sums.outputText == "fine\n")
    }

    @Test(.enabled(if: isRoot, "needs root, which can read everything")) func unlistedFilesMayBeUnreadable() throws {
        let directory = try Self.place()
        let program = try Fsscan.copy(to: directory)
        _ = try output(of: ["sh", "-ec", "cd \"$0\"; chmod 755 .; chmod 700 t/d", directory.path])
        func verify() throws -> ProcessOutcome {
            try run(
                [program, "verify", "--listed-only", "list.md5sums", "t"],
                ProcessOptions {
                    $0.asOrdinaryUser = true
                    $0.directory = directory.path
                })
        }
        #expect(try verify().status == 0)
        // Listed files below an unreadable directory are unknown.
        _ = try output(of: ["chmod", "700", directory.appending("t/e")])
        let closed = try verify()
        #expect(closed.status == 2 && closed.outputText.hasPrefix("? e/deep  not known now"), "\(closed.outputText)")
    }

    @Test func aListOnStandardInputIsRefused() throws {
        let directory = try Self.place()
        let outcome = try Fsscan.shell("cat list.md5sums | $F verify --listed-only - t", in: directory)
        #expect(outcome.status == 64 && outcome.errorText.contains("--listed-only reads SAVED twice"))
        // A missing PATH is reported.
        #expect(try Fsscan.shell("$F verify --listed-only list.md5sums missing", in: directory).status == 2)
    }
}
