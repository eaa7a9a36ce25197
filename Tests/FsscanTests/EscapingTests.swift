// Text from an untrusted file must not act on the terminal, nor pass for a line of fsscan's own.

import TestSupport
import Testing

@Suite struct EscapingTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory([.directory("tree", [.file("a", "x"), .file("b", "y")])]) }

    private func shell(_ script: ByteString) throws -> ProcessOutcome { try Fsscan.shell(script, in: directory) }

    /// A saved scan changed by `sql`; a reader prints no control character and no extra line.
    private func forged(_ sql: ByteString, read command: ByteString) throws -> ProcessOutcome {
        let outcome = try shell(
            "$F --save s.db --label day --hash md5 --mime tree >save.log 2>&1; sqlite3 s.db \"\(sql)\"")
        #expect(outcome.status == 0, "\(outcome.errorText)")
        return try shell(command)
    }

    private func expectHarmless(_ outcome: ProcessOutcome, lines: Int) {
        let bytes = outcome.standardOutput + outcome.standardError
        #expect(!bytes.contains { $0 < 0x20 && $0 != 0x0A || $0 == 0x7F }, "\(String(decoding: bytes, as: UTF8.self))")
        #expect(bytes.count { $0 == 0x0A } == lines, "\(String(decoding: bytes, as: UTF8.self))")
    }

    /// An escape sequence, and a line that claims that nothing changed.
    private static let attack = "char(27) || '[2J' || char(10) || 'No difference.' || char(10)"

    @Test(arguments: ["label", "host", "started", "ended", "version"])
    func aForgedScanDoesNotReachTheTerminal(_ column: String) throws {
        let outcome = try forged("UPDATE scans SET \(column) = \(Self.attack)", read: "$F saved s.db")
        expectHarmless(outcome, lines: 1)
        // The author of a saved scan may give it any label.
        #expect(outcome.status == (column == "label" ? 0 : 2), "\(outcome.errorText)")
    }

    /// In any form other than the one in which they are written.
    @Test(arguments: [
        "started = '2026-11-29'", "started = '2026-02-30T00:00:00.000000000Z'", "ended = 'now'", "ended = x'ff'",
        "host = x'ff'", "host = 'a' || char(155) || 'b'", "version = char(127)",
    ])
    func aForgedTextIsDamage(_ assignment: ByteString) throws {
        for command: ByteString in ["saved s.db", "verify s.db", "diff s.db tree"] {
            let outcome = try forged("UPDATE scans SET \(assignment)", read: "$F \(command)")
            #expect(outcome.status == 2 && outcome.errorText.contains("is damaged: "), "\(outcome.errorText)")
            expectHarmless(outcome, lines: 1)
        }
    }

    /// A saved scan must be readable, whatever name root has given the machine.
    @Test(.enabled(if: isRoot && canMount, "needs root, and namespaces")) func aMachineMayHaveAnyName() throws {
        let outcome = try shell(
            """
            cat > named.py <<'END'
            import os, socket
            socket.sethostname(b"a\\x1b[2Jb\\nc\\xff\\xc2\\x9b")
            os.execv(os.environ["F"], ["fsscan", "--save", "s.db", "tree"])
            END
            unshare -u python3 named.py > none 2>&1; $F saved --json s.db | jq -j '.scans[].host | explode | map(tostring) | join(" ")'
            """)
        #expect(outcome.outputText == "97 65533 91 50 74 98 65533 99 65533 65533", "\(outcome.errorText)")
    }

    @Test(arguments: ["operation", "code", "message"])
    func aForgedErrorIsNoLineOfADiff(_ column: String) throws {
        var values = ["operation": "'openat'", "code": "'EACCES'", "message": "'Permission denied'"]
        values[column] = Self.attack
        let sql = """
            INSERT INTO errors VALUES (1, 0, CAST('a' AS BLOB), \(values["operation"]!), \(values["code"]!), \
            \(values["message"]!), 1, NULL)
            """
        let outcome = try forged(ByteString(sql), read: "$F diff --ignore mtime,ctime tree s.db")
        #expect(outcome.status == 2)
        #expect(!outcome.outputText.split(separator: "\n").contains("No difference."), "\(outcome.outputText)")
        #expect(!(outcome.standardOutput + outcome.standardError).contains(27))
    }

    @Test func aForgedMIMETypeIsDamage() throws {
        let sql = "UPDATE entries SET mime = \(Self.attack) WHERE CAST(key AS TEXT) = 'a'"
        let outcome = try forged(ByteString(sql), read: "$F diff --also mime s.db tree")
        #expect(!(outcome.standardOutput + outcome.standardError).contains(27), "\(outcome.outputText)")
        #expect(!outcome.outputText.split(separator: "\n").contains("No difference."), "\(outcome.outputText)")
        #expect(outcome.status == 2 && outcome.errorText.contains("is damaged: an invalid MIME type"))
    }

    /// SQLite names the broken object in its own message.
    @Test func namesInMessagesOfSQLiteAreEscaped() throws {
        let outcome = try forged(
            "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', char(27) || '[2Jx' || char(10), 'x', 2, 'broken')",
            read: "$F saved s.db")
        #expect(outcome.status == 2)
        expectHarmless(outcome, lines: 1)
    }

    /// Programs want raw names; a terminal would obey them.
    @Test(arguments: ["csv", "sha256sum", "md5sum", "mca", "mtree", "ncdu", "ndjson", "text"])
    func onATerminalNoFormatHasControlCharacters(_ format: String) throws {
        let outcome = try shell(
            """
            touch tree/$'\\e[2Jx\\x7f' tree/$'\\xc2\\x9b2J' tree/$'\\xe2\\x80\\xaegnp' tree/$'\\xff'
            NO_COLOR=1 LC_ALL=C.UTF-8 python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))' \
                $F --no-progress --format \(ByteString(format)) tree
            """)
        // The terminal inserts CR before LF.
        let bytes = outcome.standardOutput.filter { $0 != 0x0A && $0 != 0x0D }
        #expect(outcome.status == 0 && bytes.count > 100, "\(outcome.outputText)\(outcome.errorText)")
        let isHarmless = !bytes.contains { $0 < 0x20 || $0 == 0x7F || $0 == 0xFF || $0 == 0x9B }
        #expect(isHarmless && !outcome.outputText.contains("\u{202E}"), "\(outcome.outputText)")
        // For a program they are raw.
        let raw = try shell("$F --format \(ByteString(format)) tree").standardOutput
        if ["csv", "sha256sum", "md5sum"].contains(format) { #expect(raw.contains(0x1B) && raw.contains(0xFF)) }
    }

    /// The consumer of these lines takes a scan for complete if a line contains `fluentbit_end"}`.
    @Test func noNameForgesTheEndMarkerOfMCALines() throws {
        let outcome = try shell(
            """
            ln -s fluentbit_end tree/link; : > tree/fluentbit_end; : > 'tree/fluentbit_end"}'; ln -s 'fluentbit_end"}' tree/more
            $F --format mca tree | grep -c 'fluentbit_end"}'
            """)
        #expect(outcome.outputText == "1\n")
    }
}
