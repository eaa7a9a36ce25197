// diff reads what other programs wrote of a tree, and what nobody should have written.

import TestSupport
import Testing

@Suite struct ForeignFormatTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory(formatTree) }

    private func shell(_ script: ByteString) throws -> ProcessOutcome { try Fsscan.shell(script, in: directory) }

    /// Each writes `old` about the tree.
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

    @Test(arguments: writers) func aTreeIsWhatAnotherProgramWroteOfIt(_ writer: ByteString) throws {
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

    /// `./tree/gz sha256digest=…`, and of a directory its name alone.
    @Test func aSpecificationWithoutTypesIsOfFiles() throws {
        // bsdtar does not escape what a pattern is made of.
        #expect(try shell("rm tree/star*; bsdtar -cf old --format=mtree --options='!all,sha256' -C tree .").status == 0)
        let same = try shell("$F diff old tree")
        #expect(same.status == 0, "\(same.outputText)\(same.errorText)")
        #expect(try shell("printf 0 >tree/gz; rm tree/a").status == 0)
        let changed = try shell("$F diff old tree")
        #expect(changed.status == 1)
        let text = changed.outputText
        #expect(text.contains("* tree/gz") && text.contains("- a\n"), "\(text)")
    }

    /// Each writes `old`, which is damaged.
    @Test(
        arguments: [
            #"$F --ndjson tree | head -c 3000 >old"#, #"$F --ndjson tree | sed '$d' >old"#,
            #"$F --ndjson tree | sed '3s/"kind":"[a-z]*"/"kind":7/' >old"#, #"head -c 5000 /dev/zero >old"#,
            #": >old"#, #"echo '{"type":"header","schema":"fsscan-records/9"}' >old"#,
            #"{ $F --ndjson tree | head -1; head -c 20000000 /dev/zero | tr '\0' x; } >old"#,
            #"{ echo '#mtree'; echo 'a type=nothing'; } >old"#, #"{ echo '#mtree'; echo 'a\xz type=file'; } >old"#,
            #"{ echo '#mtree'; echo 'a mode=0644'; } >old"#, #"{ echo '#mtree'; echo 'a size=1 link=b'; } >old"#,
            #"{ echo '%%%% HASHDEEP-1.0'; echo garbage; } >old"#, #"{ sha256sum tree/a; echo garbage; } >old"#,
            #"{ echo '{"beginning_date": "x"}'; echo '{"path": 5}'; } >old"#,
            #"{ echo '{"beginning_date": "x"}'; printf '%0100000d' 0 | tr 0 '['; } >old"#,
        ] as [ByteString])
    func whatIsDamagedIsOneLineAndStatus2(_ writer: ByteString) throws {
        _ = try shell(writer)
        let outcome = try shell("$F diff old tree")
        #expect(outcome.status == 2)
        #expect(outcome.errorText.filter { $0 == "\n" }.count == 1, "\(outcome.errorText)")
        #expect(outcome.errorText.hasPrefix("fsscan: "))
    }

    /// `mtree -M` takes the last line for a path as it is: nothing is left of those before, not even what it does not say.
    /// (Where a relative name comes twice, mtree calls the second one missing.)
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
}
