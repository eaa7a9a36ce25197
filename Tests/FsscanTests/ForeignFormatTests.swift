// diff reads lists of other programs, and malformed lists.

import TestSupport
import Testing

@Suite struct ForeignFormatTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory(formatTree) }

    private func shell(_ script: ByteString) throws -> ProcessOutcome { try Fsscan.shell(script, in: directory) }

    /// Each writes a list `old` of the tree.
    static let writers: [ByteString] = [
        #"$F --ndjson --hash sha256,md5 --xattrs -o old tree"#,
        #"$F --format mtree --hash sha256 -o old tree"#,
        #"mtree -c -K sha256,sha1 -p tree >old"#,
        #"mtree -c -K sha256 -p tree | mtree -C -K sha256 >old"#,
        #"$F --format mca -o old tree"#,
        #"$F --format sha256sum -o old tree"#,
        #"cd tree; find . -type f -print0 | xargs -0 sha512sum >../old"#,
        #"cd tree; find . -type f -print0 | xargs -0 sha1sum --tag >../old"#,
        #"find "$PWD/tree" -type f -print0 | xargs -0 md5sum >old"#,
        #"cd tree; find . -type f ! -name $'*\n*' -print0 | xargs -0 hashdeep -l >../old; rm $'new\nline'"#,
    ]

    @Test(arguments: writers) func aTreeEqualsAnotherProgramsListOfIt(_ writer: ByteString) throws {
        #expect(try shell(writer).status == 0)
        let tree: ByteString = writer.bytes.contains(UInt8(ascii: "$")) ? "\"$PWD/tree\"" : "tree"
        let root: ByteString = writer.bytes.starts(with: Array("find".utf8)) ? tree : "tree"
        let same = try shell("$F diff old " + root)
        #expect(same.status == 0, "\(same.outputText)\(same.errorText)")
        #expect(same.outputText.contains("No difference"))
        #expect(try shell("printf 0 >tree/gz; rm 'tree/[ab]'").status == 0)
        let changed = try shell("$F diff old " + root)
        #expect(changed.status == 1)
        #expect(changed.outputText.contains("gz") && changed.outputText.contains("[ab]"), "\(changed.outputText)")
    }

    /// `./tree/gz sha256digest=…`; a directory has only its name.
    @Test func aSpecificationWithoutTypesIsOfFiles() throws {
        // bsdtar does not escape pattern characters.
        #expect(try shell("rm tree/star*; bsdtar -cf old --format=mtree --options='!all,sha256' -C tree .").status == 0)
        let same = try shell("$F diff old tree")
        #expect(same.status == 0, "\(same.outputText)\(same.errorText)")
        #expect(try shell("printf 0 >tree/gz; rm tree/a").status == 0)
        let changed = try shell("$F diff old tree")
        #expect(changed.status == 1)
        let text = changed.outputText
        #expect(text.contains("* tree/gz") && text.contains("- a\n"), "\(text)")
    }

    /// Each writes a damaged `old`.
    @Test(
        arguments: [
            #"$F --ndjson tree | head -c 3000 >old"#, #"$F --ndjson tree | sed '$d' >old"#,
            #"$F --ndjson tree | sed '3s/"kind":"[a-z]*"/"kind":7/' >old"#, #"head -c 5000 /dev/zero >old"#,
            #": >old"#, #"echo '{"type":"header","schema":"fsscan-records/9"}' >old"#,
            #"{ $F --ndjson tree | head -1; head -c 20000000 /dev/zero | tr '\0' x; } >old"#,
            #"{ echo '#mtree'; echo 'a type=nothing'; } >old"#, #"{ echo '#mtree'; echo 'a\xz type=file'; } >old"#,
            #"{ echo '#mtree'; echo 'a mode=0644'; } >old"#, #"{ echo '#mtree'; echo 'a size=1 link=b'; } >old"#,
            #"{ echo '%%%% HASHDEEP-1.0'; echo garbage; } >old"#,
            #"(cd tree; hashdeep -c md5 a | sed '2s/,md5/,md5,md5/; $s/,[^,]*/&&/') >old"#,
            #"{ sha256sum tree/a; echo garbage; } >old"#,
            #"{ echo '{"beginning_date": "x"}'; echo '{"path": 5}'; } >old"#,
            #"{ echo '{"beginning_date": "x"}'; printf '%0100000d' 0 | tr 0 '['; } >old"#,
        ] as [ByteString])
    func damagedInputIsOneLineAndStatus2(_ writer: ByteString) throws {
        _ = try shell(writer)
        let outcome = try shell("$F diff old tree")
        #expect(outcome.status == 2)
        #expect(outcome.errorText.filter { $0 == "\n" }.count == 1, "\(outcome.errorText)")
        #expect(outcome.errorText.hasPrefix("fsscan: "))
    }

    /// `mtree -M` uses only the last line for a path: nothing remains of earlier lines, not even fields that the last
    /// one lacks. (If a relative name comes twice, mtree reports the second one missing.)
    @Test(
        arguments: [
            "./f type=file size=9 mode=0600,./f type=file size=2", "./f type=file size=2,./f type=file size=9",
            "./f type=file size=9,./f type=file size=2", "./f type=file size=2,./f type=link link=x",
            "./f type=link link=x,./f type=file size=2", "f type=file size=9,./f type=file size=2",
            "./f type=file size=9,./f type=file size=8,./f type=file size=2",
            "./f type=file size=2,./f type=file size=8,./f type=file size=1",
        ])
    func ofSeveralLinesForAPathTheLastCounts(_ lines: String) throws {
        let script = """
            mkdir one; printf xx >one/f; chmod 644 one/f
            { printf '#mtree\n. type=dir\n'; echo '\(lines)' | tr , '\n'; } >old
            mtree -M -f old -p one >said; case $? in 0) echo 0;; 2) echo 1;; *) echo failed;; esac
            $F diff old one >said; echo $?
            """
        let outcome = try shell(ByteString(script))
        #expect(["0\n0\n", "1\n1\n"].contains(outcome.outputText), "\(outcome.outputText)\(outcome.errorText)")
    }

    // MARK: Lists of checksums

    /// Lists in which HEX, UPPER and MD5 are replaced by the file's digests, and NIL by a wrong one.
    @Test(
        arguments: [
            "HEX  a", "HEX *a", "HEX a", #"HEX\ta"#, #"HEX\t*a"#, "  HEX  a", #"\tHEX  a"#, #"HEX  a\r"#, "UPPER  a",
            "SHA256 (a) = HEX", "SHA256(a)= HEX", "SHA256(a)=HEX", #"SHA256 (a)=\tHEX"#, "  SHA256 (a) = UPPER",
            #"SHA256 (a) = HEX\r"#, #"#c\n\nHEX  a"#, #"\\HEX  a"#, #" \\HEX  a"#, #"\\SHA256 (a) = HEX"#,
            #"HEX  new\nHEX  a"#, #"\\NIL  new\\nline"#, "NIL  a", "NIL a", "SHA256(a)= NIL", #"NIL  a\r"#, #"NIL\ta"#,
            "HEX   a", "HEX  a ", #"HEX a\nHEX  a"#, "SHA256 ((a) = HEX", #"HEX  sub/c\nHEX  b"#,
        ])
    func aListIsTakenAsSha256sumTakesIt(_ list: String) throws {
        let script = """
            cd tree; hex=$(sha256sum <a | head -c 64); printf '\(list)\\n' >../template
            sed "s/HEX/$hex/; s/UPPER/${hex^^}/; s/NIL/\(String(repeating: "0", count: 64))/" <../template >../list
            sha256sum -c --strict ../list >../said 2>&1; case $? in 0) echo same;; *) echo other;; esac
            cd ..; $F verify --only content,removed list tree >said
            case $? in 0) echo same;; 1) echo other;; *) cat said;; esac
            """
        let outcome = try shell(ByteString(script))
        #expect(
            ["same\nsame\n", "other\nother\n"].contains(outcome.outputText), "\(outcome.outputText)\(outcome.errorText)"
        )
    }

    /// Lists of other programs that `sha256sum -c` does not read.
    @Test(
        arguments: [
            #"(cd tree; openssl dgst -sha256 a) >list"#, #"(cd tree; openssl dgst -md5 -r a) >list"#,
            #"(cd tree; openssl dgst -blake2b512 a) >list"#,
            #"printf 'MD5   (a) = %s\n' $(md5sum <tree/a | head -c 32) >list"#,
            #"printf '\xef\xbb\xbf%s  a\r\n' $(sha1sum <tree/a | head -c 40) >list"#,
            #"(cd tree; xxhsum -H2 --tag a) >list"#, #"(cd tree; b2sum --tag a) >list"#,
            #"(cd tree; hashdeep -l a | sed 's/$/\r/') >list"#,
            #"(printf '\xef\xbb\xbf'; cd tree; hashdeep -l a) >list"#,
        ] as [ByteString])
    func aListOfAnotherProgramIsTaken(_ writer: ByteString) throws {
        #expect(try shell(writer).status == 0)
        let same = try shell("$F diff --only content,removed list tree")
        #expect(same.status == 0, "\(same.outputText)\(same.errorText)")
        #expect(try shell("printf 0 >tree/a; $F diff list tree").status == 1)
        #expect(try shell("rm tree/a; $F diff --only removed list tree").status == 1)
    }

    /// Written from the inside, with a line of its own for each algorithm.
    @Test func linesOfOnePathAreOneEntry() throws {
        let wrong = String(repeating: "0", count: 64)
        let script = ByteString(
            """
            cd tree; printf 'SHA256 (a) = \(wrong)\nMD5 (./a) = %s\n' $(md5sum <a | head -c 32) >../list
            sha256sum --quiet -c ../list; echo $?; cd ..; $F verify --only content list tree
            """)
        let outcome = try shell(script)
        #expect(outcome.status == 1)
        #expect(outcome.outputText.contains("a: FAILED\n1\n* tree/a  sha256 000000000000 -> "), "\(outcome.outputText)")
        #expect(
            try shell("cd tree; sha1sum a >../list; md5sum a >>../list; cd ..; $F diff --only content list tree").status
                == 0)
    }

    /// Each writes a `list` of contradictory lines.
    @Test(
        arguments: [
            "cd tree; { echo '# list'; sha256sum a gz; sha256sum gz | sed 's,gz,./a,'; } >../list",
            "(cd tree; hashdeep -l a) >list; tail -1 list | sed 's/^3,/4,/' >last; cat last >>list",
            "$F --format mca tree | sed -n 2p >list; sed 's/\"st_nlink\": /&7/' list >last; cat last >>list",
        ] as [ByteString])
    func linesThatContradictEachOtherAreOneError(_ writer: ByteString) throws {
        let written = try shell(writer)
        #expect(written.status == 0, "\(written.errorText)")
        let outcome = try shell("$F diff --json list tree")
        #expect(outcome.status == 2, "\(outcome.outputText)")
        #expect(outcome.outputText == "")
        let text = outcome.errorText
        #expect(text.contains("line ") && text.contains(" contradict each other: "), "\(text)")
        #expect(text.contains(" and line "))
    }

    @Test func aLineThatIsRefusedIsNamedWithItsBeginning() throws {
        let outcome = try shell(#"(cd tree; sha256sum a; printf 'g\001\377%0100d\n' 0) >list; $F diff list tree"#)
        #expect(outcome.status == 2)
        let zeros = String(repeating: "0", count: 57)
        let reason = "neither a digest and a name nor NAME (file) = digest"
        #expect(outcome.errorText.hasSuffix(#"line 2: \#(reason): "g\001\377\#(zeros)...""# + "\n"))
    }

    @Test func whereEveryDigestDiffersTheAlgorithmMayBeAnother() throws {
        #expect(try shell("cd tree; xxhsum -H2 a gz >../list").status == 0)
        let outcome = try shell("$F diff --only content list tree")
        #expect(outcome.status == 1)
        #expect(outcome.outputText.contains("Every digest differs"))
        #expect(try shell("$F diff --json list tree").outputText.contains(#""every_unnamed_digest_differs": true"#))
        let said = try shell("$F diff --only content --algorithm xxh128 list tree")
        #expect(said.status == 0, "\(said.outputText)")
        #expect(!said.outputText.contains("Every digest"))
        // A matching line shows that the algorithm is right.
        #expect(
            try shell("printf 0 >tree/gz; (cd tree; md5sum gz) >list; md5sum </dev/null | sed 's/-/a/' >>list").status
                == 0)
        #expect(try !shell("$F diff list tree").outputText.contains("Every digest"))
    }

    @Test func anAlgorithmThatIsNotHadIsWrongUsage() throws {
        #expect(try shell("sha256sum tree/a >list; $F diff --algorithm blake2s list tree").status == 64)
        #expect(try shell("$F verify --algorithm blake3 list tree").status == 64)
        #expect(try shell("$F verify --algorithm sha256 list tree").status != 64)
    }

    // MARK: mtree

    /// Symbolic modes of chmod, in any order, applied to mode 0.
    @Test(arguments: ["022", "077"]) func aSymbolicModeAgreesWithMtree(_ umask: String) throws {
        var generator = SeededGenerator(seed: 8)
        func letters(_ letters: String, _ count: ClosedRange<Int>) -> String {
            String(
                (0..<Int.random(in: count, using: &generator)).map { _ in letters.randomElement(using: &generator)! })
        }
        var specification = ""
        for number in 0..<1_000 {
            let clauses = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                letters("ugoa", 0...3) + letters("+-=", 1...1) + letters("rwxXstugo", 0...4)
                    + letters("+-=", 1...1) + letters("rwxXstugo", 0...3)
            }
            specification += "f\(number) type=file mode=\(clauses.joined(separator: ","))\n"
        }
        let script = """
            umask \(umask); cat >spec <<'EOF'
            . type=dir
            \(specification)EOF
            { echo '#mtree'; cat spec; } >old; { echo '#mtree'; mtree -C -k type,mode -f spec; } >new
            grep -c mode= new; $F diff old new
            """
        let outcome = try shell(ByteString(script))
        #expect(
            outcome.outputText.hasPrefix("1000\nNo difference in what was compared."),
            "\(outcome.outputText)\(outcome.errorText)")
    }

    /// mtree and fsscan decide for each whether the tree matches.
    @Test(
        arguments: [
            "a type=file mode=u=rw,go=r", "a type=file mode=u=rwx,go=r", "a type=file uname=root gname=root",
            "a type=file uname=nobody", "a type=file gname=nogroup", "a type=file size=3 # size=4",
            #"a type=file \\\\\n size=4"#, #"a type=file # \\\\\nb type=file size=4"#, "a type=file sha256=0x$hex",
            "a type=file sha256=0x${hex}00", "a type=file uid=1 uname=root", "a type=file uname=root uid=1",
        ], ["644", "600"])
    func anEntryIsComparedAsMtreeDoes(_ line: String, mode: String) throws {
        let script = """
            hex=$(sha256sum <tree/a | head -c 64); mkdir one; printf one >one/a; chmod \(mode) one/a; cp -a one/a one/b
            { printf '#mtree\n. type=dir\n/set type=file\n'; printf "\(line)\n"; } >old
            grep -q '^b' old || echo b >>old
            mtree -f old -p one >said; case $? in 0) echo 0;; 2) echo 1;; *) echo damaged;; esac
            $F diff old one >said 2>&1; case $? in 0) echo 0;; 1) echo 1;; *) echo damaged;; esac
            """
        let outcome = try shell(ByteString(script))
        let text = outcome.outputText
        #expect(
            ["0\n0\n", "1\n1\n"].contains(text) || line.hasSuffix("00") && text == "1\ndamaged\n",
            "\(text)\(outcome.errorText)")
    }

    /// Where mtree prints nothing, fsscan finds no difference, and vice versa.
    @Test(
        arguments: [
            #"a\nd type=dir\ng\n..\nmissing optional"#, #"a\nd type=dir\ng\n..\nmissing"#, #"a\nd type=dir ignore\n.."#,
            #"a\nd type=dir\n.."#, #"a size=9 optional\nd type=dir ignore\n.."#, #"a\nd type=dir ignore mode=0700\n.."#,
            #"a\nd type=dir\ng\n..\ngone type=dir optional\nx\n.."#, #"/set optional\na\nq\nd type=dir\nq\ng\n.."#,
            #"/set optional\na\n/unset optional\nq\nd type=dir\ng\n.."#, #"a\n/set ignore\nd type=dir\n.."#,
        ])
    func rulesAreThoseOfMtree(_ lines: String) throws {
        let script = """
            mkdir -p one/d; printf one >one/a; printf two >one/d/g; chmod 755 one/d
            printf '#mtree\n/set type=file\n. type=dir\n\(lines)\n' >old
            mtree -f old -p one >said || true; if [ -s said ]; then echo 1; else echo 0; fi
            $F diff old one >said; echo $?
            """
        let outcome = try shell(ByteString(script))
        #expect(["0\n0\n", "1\n1\n"].contains(outcome.outputText), "\(outcome.outputText)\(outcome.errorText)")
    }

    /// mtree checks it, and exits with 2; fsscan cannot, and says so.
    @Test func uncheckableFieldsAreNotEqual() throws {
        let script: ByteString = """
            mkdir one; printf one >one/a; printf two >one/b
            { printf '#mtree\n. type=dir\na type=file sha256=%s\n' "$(sha256sum <one/a | head -c 64)"
            printf 'b type=file cksum=%s\n' "$(cksum <one/b | cut -d' ' -f1)"; } >old
            printf owt >one/b; mtree -f old -p one >said; echo $?
            $F diff old one >said; echo $?; grep -c 'cksum (1 entry)' said; $F diff --ignore cksum old one >said; echo $?
            """
        let outcome = try shell(script)
        #expect(outcome.outputText == "2\n2\n1\n0\n", "\(outcome.errorText)")
    }

    // MARK: mca

    /// Nothing remains of the first scan in a stream, which was written from the inside.
    @Test func aSecondScanInAStreamIsItsOwn() throws {
        let script: ByteString = """
            (cd tree; $F --format mca --hash md5 sub) >list; $F --format mca --hash sha256 tree >>list
            $F diff list tree; $F diff --json list tree | grep '"compared"'
            """
        let outcome = try shell(script)
        #expect(outcome.outputText.hasPrefix("No difference."), "\(outcome.outputText)\(outcome.errorText)")
        #expect(outcome.outputText.contains("\"sha256\"") && !outcome.outputText.contains("\"md5\""))
    }
}
