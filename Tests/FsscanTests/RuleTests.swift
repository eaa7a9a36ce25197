// `--exclude` and `--rules` of verify and diff.

import TestSupport
import Testing

@Suite struct RuleTests {
    private static func shell(
        _ script: ByteString, in directory: TemporaryDirectory, status: Int32? = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ProcessOutcome {
        let outcome = try Fsscan.shell(script, in: directory)
        if let status {
            #expect(
                outcome.status == status, "\(outcome.outputText)\(outcome.errorText)", sourceLocation: sourceLocation)
        }
        return outcome
    }

    /// The lines of changes, without the text after the path.
    private static func lines(_ outcome: ProcessOutcome) -> [String] {
        outcome.outputText.split(separator: "\n").map { String($0.split(separator: "  ")[0]) }
            .filter { "+-*!=?".contains($0.first!) && $0.dropFirst().first == " " }
    }

    private static let tree: Tree = [
        .directory(
            "t",
            [
                .directory("var", [.directory("log", [.file("app", "one\n"), .file("other", "x\n")])]),
                .directory("home", [.directory("ann", [.file("f", "f")]), .directory("bob", [.file("g", "g")])]),
                .directory("tmp", [.file("a", "a"), .directory("keep", [.file("b", "b")])]),
                .directory("etc", [.file("mtab", "1"), .file("conf", "2")]),
            ])
    ]

    private static func saved(_ rules: String = "", _ tree: Tree = tree) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory(tree + [.file("rules", ByteString(rules))])
        _ = try shell("$F --save s.db --hash sha256 t >out 2>&1", in: directory)
        return directory
    }

    // MARK: Leaving out

    @Test func excludedEntriesAreCountedAndAreNoDifference() throws {
        let directory = try Self.saved()
        _ = try Self.shell("echo 1 >t/tmp/new; rm t/tmp/a; echo 2 >t/home/ann/f.log", in: directory)
        let outcome = try Self.shell("$F verify --exclude /tmp --exclude '*.log' s.db", in: directory)
        #expect(
            outcome.outputText.hasPrefix(
                "No difference in what was compared.\nLeft out by rules: 4 entries of OLD, 2 names of NEW.\n"),
            "\(outcome.outputText)")
        let json = try Self.shell(
            "$F verify --json --exclude /tmp s.db >j; jq -c '[.changes[].path, .totals.old_left_out, .totals.new_left_out]' j",
            in: directory)
        #expect(json.outputText == #"["t/home/ann/f.log",4,1]"# + "\n")
        try expectValid("diff", try Array(Self.shell("cat j", in: directory).standardOutput))
        // Two saved scans, and a directory on either side.
        _ = try Self.shell("$F --save s.db --hash sha256 t >out 2>&1", in: directory)
        for sides in ["s.db#1 s.db", "s.db#1 t"] {
            let diff = try Self.shell(ByteString("$F diff --exclude /tmp " + sides), in: directory, status: 1)
            #expect(Self.lines(diff) == ["+ t/home/ann/f.log"], "\(diff.outputText)")
        }
        let back = try Self.shell("$F diff --exclude /tmp t s.db#1", in: directory, status: 1)
        #expect(Self.lines(back) == ["- t/home/ann/f.log"])
    }

    /// The patterns of a saved scan still apply: `!` in another list does not undo them.
    @Test func entriesExcludedFromTheScanStayExcluded() throws {
        let directory = try TemporaryDirectory([.directory("t", [.file("a.o", "1"), .file("b.c", "2")])])
        _ = try Self.shell("$F --save s.db --exclude '*.o' t >out 2>&1; echo >t/b.o", in: directory)
        for option in ["--exclude '!*.o'", "--rules <(echo '*.o all')"] {
            let outcome = try Self.shell(ByteString("$F verify " + option + " s.db"), in: directory)
            #expect(Self.lines(outcome) == [])
        }
    }

    @Test(arguments: ["", "--gitignore"]) func excludedDirectoriesAreNotEntered(_ option: ByteString) throws {
        let directory = try TemporaryDirectory(Self.tree + [.file("rules", "/tmp ignore\n/tmp/keep all\n/home all\n")])
        _ = try Self.shell(
            "$F --save s.db " + option + " --hash sha256 t >out 2>&1; echo 2 >t/tmp/keep/b", in: directory)
        let outcome = try Self.shell("$F verify --rules rules s.db", in: directory)
        #expect(Self.lines(outcome) == [] && outcome.outputText.contains("Left out by rules: 4 entries of OLD, "))
        #expect(
            outcome.errorText.contains(
                "rules: line 2: ‘/tmp/keep’ never applies: a directory above it is left out"),
            "\(outcome.errorText)")
    }

    /// A list names no directories.
    @Test func rulesHoldForListsWithoutDirectories() throws {
        let directory = try TemporaryDirectory(Self.tree)
        let script: ByteString = """
            cd t; find * -type f -exec sha256sum {} + >../list; echo 3 >tmp/keep/b; echo 3 >home/ann/f; cd ..
            $F verify --exclude /tmp/keep/ list t
            """
        let outcome = try Self.shell(script, in: directory, status: 1)
        #expect(Self.lines(outcome) == ["* t/home/ann/f"], "\(outcome.outputText)")
        #expect(outcome.outputText.contains("Left out by rules: 1 entry of OLD, 1 name of NEW.\n"))
    }

    // MARK: Comparing less, and more

    @Test func theLastRuleThatMatchesDecides() throws {
        let rules = """
            # what may change
            /home       -mtime -ctime
            /home/bob   all
            /etc/mtab   kind
            /etc/conf   -content -size -mtime -ctime
            /tmp/**     ignore
            """
        let directory = try Self.saved(rules)
        let change: ByteString = """
            touch -d @5 t/home/ann/f t/home/bob/g; echo 22 >t/etc/mtab; chmod 4755 t/etc/mtab; echo 33 >t/etc/conf
            echo >t/tmp/new; $F verify --rules rules s.db
            """
        let outcome = try Self.shell(change, in: directory, status: 1)
        #expect(Self.lines(outcome) == ["! t/home/bob/g"], "\(outcome.outputText)")
        // The number of excluded entries.
        #expect(outcome.outputText.contains("Left out by rules: 3 entries of OLD, 3 names of NEW.\n"))
        #expect(outcome.outputText.contains("By rules, not compared: size (2 entries), mode (1 entry), "))
        #expect(
            outcome.outputText.contains(" mtime (3 entries)") && outcome.outputText.contains(" content (2 entries)."))
        #expect(outcome.errorText == "")
        let kind = try Self.shell(
            "rm t/etc/mtab; mkdir t/etc/mtab; $F verify --rules rules s.db", in: directory, status: 1)
        #expect(Self.lines(kind) == ["* t/etc/mtab", "! t/home/bob/g"])
        let more = try Self.shell(
            "echo '/etc +inode' >r; cp -p t/etc/conf c; mv c t/etc/conf; $F verify --rules r s.db",
            in: directory, status: 1)
        #expect(more.outputText.contains("* t/etc/conf  size 1 -> 3, ") && more.outputText.contains(", inode "))
    }

    /// Files that are not compared are not read.
    @Test(.disabled(if: isSanitized, "LeakSanitizer does not work under strace"))
    func filesThatAreNotComparedAreNotRead() throws {
        let directory = try Self.saved("/etc/mtab kind\n/home/** -content\n/var/log/** grows\n")
        let trace: ByteString = """
            strace -f -e trace=openat -o trace $F verify --rules rules s.db >out
            grep -v DIRECTORY trace | grep -oE '"[a-z]+", O_RDONLY.O_NON' | cut -d '"' -f 2 | sort -u | tr '\\n' ' '
            """
        // Of logs only the beginning is read, after everything else.
        let outcome = try Self.shell(trace, in: directory)
        #expect(outcome.outputText.contains("conf ") && !outcome.outputText.contains("mtab"), "\(outcome.outputText)")
        #expect(!outcome.outputText.contains(" f ") && !outcome.outputText.contains(" g "))
    }

    // MARK: Files that grow

    @Test(
        arguments: [
            // The change, the reported lines, and the status.
            ("echo two >>app", [], 0), (": nothing", [], 0), ("echo ONE >app", ["* t/var/log/app"], 1),
            (": >app", ["* t/var/log/app"], 1), ("cp app copy; : >app", ["* t/var/log/app", "+ t/var/log/copy"], 1),
            ("printf 'onE\\ntwo\\n' >app", ["* t/var/log/app"], 1),
            ("echo two >>app; chmod 4755 app", ["! t/var/log/app"], 1),
            ("rm app", ["- t/var/log/app"], 1), ("rm app; mkdir app", ["* t/var/log/app"], 1),
            // Rotation: with and without a successor, and in a chain.
            ("echo two >>app; mv app app.1; echo new >app", ["= t/var/log/app -> t/var/log/app.1"], 1),
            ("mv app app.1; : >app", ["= t/var/log/app -> t/var/log/app.1"], 1),
            ("mv app app.1", ["= t/var/log/app -> t/var/log/app.1"], 1),
            (
                "mv app app.1; echo new >app; chmod 666 app",
                ["! t/var/log/app", "= t/var/log/app -> t/var/log/app.1"], 1
            ),
            (
                "echo more >>app; mv other old; mv app other; echo new >app",
                ["= t/var/log/other -> t/var/log/old", "= t/var/log/app -> t/var/log/other"], 1
            ),
            ("rm other; mv app other; echo new >app", ["- t/var/log/other", "= t/var/log/app -> t/var/log/other"], 1),
            // Another file under the old name, and the old one is gone.
            ("echo new >n; mv n app", ["* t/var/log/app"], 1), ("echo no >n; mv n app", ["* t/var/log/app"], 1),
            // Outside the rule's scope it is read like any other.
            ("mv app ../app.1", ["= t/var/log/app -> t/var/app.1"], 1),
        ] as [(ByteString, [String], Int32)])
    func onlyTheBeginningOfAGrowingFileCounts(_ change: ByteString, _ expected: [String], _ status: Int32) throws {
        let directory = try Self.saved("/var/log/** grows\n")
        let script: ByteString = "(cd t/var/log; " + change + "); $F verify --rules rules s.db"
        let outcome = try Self.shell(script, in: directory, status: status)
        #expect(Set(Self.lines(outcome)) == Set(expected), "\(outcome.outputText)")
        #expect(Self.lines(outcome).count == expected.count)
    }

    @Test func theGrowthIsReported() throws {
        let directory = try Self.saved("/var/log/** grows\n")
        _ = try Self.shell("echo two >>t/var/log/app", in: directory)
        let outcome = try Self.shell("$F verify --rules rules s.db", in: directory)
        #expect(
            outcome.outputText.hasPrefix(
                """
                No difference in what was compared.
                By rules, compared up to their old size: 2 files, 1 longer by 4 B.

                """),
            "\(outcome.outputText)")
        let totals = try Self.shell(
            "$F verify --json --rules rules s.db | jq -c '.totals | [.growing_files, .grown_files, .grown_bytes]'",
            in: directory)
        #expect(totals.outputText == "[2,1,4]\n")
        // A saved scan has no digests of beginnings: it is a change like any other.
        _ = try Self.shell("$F --save s.db --hash sha256 t >out 2>&1", in: directory)
        let scans = try Self.shell("$F diff --rules rules s.db#1 s.db", in: directory, status: 1)
        #expect(Self.lines(scans) == ["* t/var/log/app"])
    }

    /// Under another name and another rule: content that was not read may differ.
    @Test(
        arguments: [
            // Size and mtime stay, and prove nothing.
            ("kind", "tamper", ["+ t/to/f", "- t/from/f"]), ("-content", "tamper", ["+ t/to/f", "- t/from/f"]),
            ("kind", ":", ["+ t/to/f", "- t/from/f"]), ("grows", "tamper", ["+ t/to/f", "- t/from/f"]),
            ("grows", ":", ["= t/from/f -> t/to/f"]), ("-mode", ":", ["= t/from/f -> t/to/f"]),
            ("-mode", "tamper", ["+ t/to/f", "- t/from/f"]),
            (
                "kind", ": >t/from/f; $F --save s.db --hash sha256 t",
                [
                    "= t/from/f -> t/to/f"
                ]
            ),
        ] as [(String, ByteString, [String])])
    func aFileMovedToAnUnreadPlaceIsNotCalledMoved(
        _ words: String, _ change: ByteString, _ expected: [String]
    ) throws {
        let directory = try Self.saved(
            "/to/** \(words)\n",
            [.directory("t", [.directory("from", [.file("f", "content", mtime: 1_000)]), .directory("to")])])
        let script: ByteString = """
            tamper() { printf CONTENT >t/from/f; touch -d @1000 t/from/f; }

            """
        let outcome = try Self.shell(
            script + change + " >out 2>&1; mv t/from/f t/to/f; $F verify --rules rules s.db", in: directory, status: 1)
        #expect(Set(Self.lines(outcome)) == Set(expected), "\(outcome.outputText)")
    }

    /// Also for moved entries, and once, whether lines are folded or not.
    @Test(arguments: ["", "--unfold"]) func fieldsThatARuleLeavesOutAreCountedOnce(_ option: ByteString) throws {
        let directory = try Self.saved(
            "/to -mode\n/var/log/** grows -mode\n/kind kind\n",
            [
                .directory(
                    "t",
                    [
                        .file("f", "content"), .directory("to"), .directory("kind"), .file("empty"),
                        .directory("var", [.directory("log", [.file("app", "one\n")])]),
                    ])
            ])
        // A log whose name now belongs to another file is compared after everything has been read.
        let outcome = try Self.shell(
            """
            chmod 600 t/f t/empty; mv t/f t/to/f; mv t/empty t/kind/empty; echo new >n; mv n t/var/log/app
            $F verify --rules rules \(option) s.db
            """, in: directory, status: 1)
        #expect(
            Set(Self.lines(outcome)) == ["= t/f -> t/to/f", "= t/empty -> t/kind/empty", "* t/var/log/app"],
            "\(outcome.outputText)")
        // f, to, empty, kind and app.
        #expect(outcome.outputText.contains("By rules, not compared: size (1 entry), mode (5 entries), "))
    }

    // MARK: Two trees

    /// OLD is read only where the rules require it.
    @Test(.disabled(if: isSanitized, "LeakSanitizer does not work under strace"), arguments: ["a b", "a s.db"])
    func theOldTreeIsReadByTheRules(_ sides: ByteString) throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.file("kind", "1"), .file("content", "2"), .file("read", "3"), .file("log", "one\n")]),
            .file("rules", "/kind kind\n/content -content\n/log grows\n"),
        ])
        let trace: ByteString = """
            cp -a a b; $F --save s.db --hash sha256 b >out 2>&1; echo two >>b/log
            strace -f -e trace=openat -o trace $F diff --rules rules --ignore ctime \(sides) >out
            grep -v DIRECTORY trace | grep -oE '"[a-z]+", O_RDONLY.O_NON' | cut -d '"' -f 2 | sort -u | tr '\\n' ' '
            """
        #expect(try Self.shell(trace, in: directory).outputText == "log read ")
    }

    @Test func growingFilesAreComparedBetweenTrees() throws {
        let directory = try TemporaryDirectory([
            .directory(
                "a",
                [
                    .directory("log", [.file("longer", "one\n"), .file("other", "one\n"), .file("same", "s\n")]),
                    .file("f", "1"),
                ]),
            .file("rules", "/log grows\n"),
        ])
        let script: ByteString = """
            cp -a a b; echo two >>b/log/longer; echo TWO >>b/f; printf 'ONE\\ntwo\\n' >b/log/other; echo n >b/log/new
            $F diff --rules rules a b
            """
        let outcome = try Self.shell(script, in: directory, status: 1)
        #expect(Set(Self.lines(outcome)) == ["* b/f", "* b/log/other", "+ b/log/new"], "\(outcome.outputText)")
        #expect(outcome.outputText.contains("By rules, compared up to their old size: 2 files, 1 longer by 4 B.\n"))
    }

    /// For an entry that only has to exist, it does not matter whether it could be read.
    @Test(.enabled(if: isRoot, "needs root, which can read everything"), arguments: ["a b", "s.db b", "b s.db"])
    func filesOfTheRuleKindNeedNotBeReadable(_ sides: ByteString) throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.file("closed", "1", mode: 0o600), .file("f", "2")]), .file("rules", "/closed kind\n"),
        ])
        let program = try Fsscan.copy(to: directory)
        _ = try Self.shell("cp -a a b; chmod 777 .; chmod 644 rules", in: directory)
        func user(_ command: [ByteString]) throws -> ProcessOutcome {
            try run(
                [
                    "bash", "-c",
                    """
                    F=$1; if [ ! -e s.db ]; then $F --save s.db --hash sha256 a >out 2>&1; fi
                    $F diff --rules rules --ignore ctime \(sides)
                    """,
                ] + command,
                ProcessOptions {
                    $0.asOrdinaryUser = true
                    $0.directory = directory.path
                })
        }
        let outcome = try user(["bash", program])
        #expect(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
    }

    /// A list of digests does not contain file lengths: the whole file has to be unchanged.
    @Test func growingFilesAreComparedWholeWithAList() throws {
        let directory = try TemporaryDirectory(Self.tree + [.file("rules", "/var/log/** grows\n")])
        let script: ByteString = """
            (cd t; find * -type f -exec sha256sum {} +) >list
            $F verify --rules rules --ignore mode list t; echo two >>t/var/log/app; echo x >t/var/log/other
            $F verify --rules rules list t
            """
        let outcome = try Self.shell(script, in: directory, status: 1)
        #expect(Self.lines(outcome) == ["* t/var/log/app"], "\(outcome.outputText)")
        #expect(!outcome.outputText.contains("not known"))
    }

    @Test(.enabled(if: isRoot, "needs root, which can read everything")) func aBeginningThatCannotBeReadIsNotEqual()
        throws
    {
        let directory = try Self.saved("/var/log/** grows\n")
        let program = try Fsscan.copy(to: directory)
        _ = try Self.shell("chmod 755 .; chmod 644 s.db rules; chmod 600 t/var/log/app", in: directory)
        let outcome = try run(
            [program, "verify", "--rules", "rules", "--ignore", "mode,ctime", "s.db"],
            ProcessOptions {
                $0.asOrdinaryUser = true
                $0.directory = directory.path
            })
        #expect(outcome.status == 2, "\(outcome.outputText)\(outcome.errorText)")
        #expect(Self.lines(outcome) == ["? t/var/log/app"], "\(outcome.outputText)")
    }

    // MARK: The file of rules

    @Test(arguments: [
        ("/a", "has no word"), ("/a nonsense", "'nonsense' is not one of"), ("/a -sha999", "is not a field"),
        ("/a ignore kind", "must stand alone"), ("!/a ignore", "begins with '!'"), ("\n\n/a -kind", "line 3"),
    ])
    func aRuleThatMeansNothingIsRefused(_ rule: String, _ reason: String) throws {
        let directory = try Self.saved(rule + "\n")
        let outcome = try Self.shell("$F verify --rules rules s.db", in: directory, status: 64)
        #expect(outcome.outputText == "" && outcome.errorText.contains(reason), "\(outcome.errorText)")
    }

    @Test(.enabled(if: isRoot, "only root refuses them")) func rootTakesNoRulesThatOthersCanWrite() throws {
        let directory = try Self.saved("/tmp ignore\n")
        for change in ["chmod 666 rules", "chmod 620 rules", "chmod 644 rules; chown 7 rules"] {
            let outcome = try Self.shell(
                ByteString(change + "; $F verify --rules rules s.db"), in: directory, status: 64)
            #expect(outcome.errorText.contains("users other than root may change it"), "\(outcome.errorText)")
            _ = try Self.shell("chown 0 rules; chmod 644 rules; $F verify --rules rules s.db", in: directory)
        }
        let script: ByteString = "mkdir open; cp rules open; chmod 777 open; $F verify --rules open/rules s.db"
        _ = try Self.shell(script, in: directory, status: 64)
        _ = try Self.shell("chmod 1777 open; $F verify --rules open/rules s.db", in: directory)
        _ = try Self.shell("$F verify --rules missing s.db", in: directory, status: 64)
    }

    @Test func aRuleWithoutEffectIsReported() throws {
        let rules = """
            /home/ann/** kind
            /home/ann/f kind
            /home -mtime
            *.o ignore
            *.o kind
            /etc/../x ignore
            /tmp/ ignore
            /tmp/**/a kind
            /var/log/* grows
            """
        let directory = try Self.saved(rules)
        let outcome = try Self.shell("$F verify --rules rules s.db", in: directory)
        let told = outcome.errorText.split(separator: "\n").map { line in
            line.replacing("fsscan: warning: --rules: line ", with: "").split(separator: ":").first.map(String.init)
                ?? ""
        }
        #expect(told.sorted() == ["1", "2", "4", "6", "8"], "\(outcome.errorText)")
    }
}
