// `--format html`: in a real browser, if there is one (Tests/oracles/page.py), and checks without one.

import Foundation
import TestSupport
import Testing

/// Chromium, and its driver.
private let hasBrowser: Bool = {
    guard (try? output(of: ["sh", "-c", "command -v chromium"])) != nil else { return false }
    return (try? output(of: [Repository.python(), "-c", "import playwright, axe_playwright_python"])) != nil
}()

private func content(_ count: Int) -> ByteString { ByteString([UInt8](repeating: 1, count: count)) }

/// A page and the report of the same tree, both as files.
private struct Page {
    let directory: TemporaryDirectory
    var path: ByteString { directory.appending("page.html") }
    var report: ByteString { directory.appending("report.json") }

    init(_ arguments: [ByteString], threads: Int = 2) throws {
        directory = try TemporaryDirectory()
        _ = try run([Fsscan.path, "--html", "--threads", "\(threads)", "-o", path] + arguments)
        _ = try run([Fsscan.path, "--json", "--depth", "1000", "-o", report] + arguments)
    }

    var bytes: [UInt8] { get throws { try output(of: ["cat", path]) } }

    /// The data of the page, without time-dependent values.
    func data(_ filter: ByteString) throws -> String {
        let script = """
            python3 -c '
            import re, sys
            text = sys.stdin.read()
            print(re.search(r"<script type=\\"application/json\\" id=\\"data\\">(.*?)</script>", text, re.S)[1])' <"$0" |
                jq -c "$1"
            """
        return String(decoding: try output(of: ["sh", "-c", ByteString(script), path, filter]), as: UTF8.self)
    }

    func expectNothingWrong(_ command: ByteString = "check", sourceLocation: SourceLocation = #_sourceLocation) throws {
        let outcome = try run([Repository.python(), Repository.path("Tests/oracles/page.py"), command, path, report])
        #expect(
            outcome.status == 0, "\(outcome.outputText)\(outcome.errorText.suffix(2000))",
            sourceLocation: sourceLocation)
    }
}

@Suite struct PageTests {
    private let tree: Tree = [
        .directory(
            "a", [.file("photo.jpg", content(60_000)), .directory("deep", [.file("x.tar.gz", content(90_000))])]),
        .directory(
            "b", [.file("code.c", content(9000)), .hardLink("again.jpg", to: "a/photo.jpg"), .symlink("s", to: "x")]),
        .directory("empty"), .file("old", content(30_000), mtime: 1_000_000_000), .fifo("pipe"),
    ]

    private static let hostile: [ByteString] = [
        "</script><script>alert(1)</script>".bytes(replacingSlash: true), "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "<svg onload=alert(1)>", "\u{202E}gpj.exe", "\u{2066}x\u{2069}", ByteString([0xFF, 0xFE, 0x3C]), "a\nb\tc",
        ByteString([UInt8](repeating: UInt8(ascii: "<"), count: 255)), "&lt;b&gt;", "\"'`${1}", "__proto__",
        "constructor",
        "\\u003cb", "<!--", "]]>", " ", "%2F..%2F", "#", "\u{7F}\u{1B}[31m", "é", "漢字", "👩‍👩‍👧",
    ]

    @Test(.enabled(if: hasBrowser, "needs chromium, and playwright for Python"))
    func thePageShowsTheScan() throws {
        let directory = try TemporaryDirectory(tree)
        try Page([directory.path]).expectNothingWrong()
        try Page([directory.path + "/a", directory.path + "/b"]).expectNothingWrong()
    }

    @Test(.enabled(if: hasBrowser, "needs chromium, and playwright for Python"))
    func thePanelHasTheDigests() throws {
        let directory = try TemporaryDirectory(tree)
        try Page(["--hash", "sha256,md5", directory.path]).expectNothingWrong()
        // One file is not read, so nothing is known of the directories above.
        try Page(["--hash", "sha1", "--max-read", "80000", directory.path]).expectNothingWrong()
    }

    /// A file is read by its slice, by an actor (several names; large), or asked about together with others (types).
    @Test func theDigestsAreTheSameHoweverFilesAreRead() throws {
        let directory = try TemporaryDirectory(
            tree + [.directory("large", [.file("f", content(20_000_000)), .hardLink("g", to: "large/f")])])
        let saved = try SavedFile()
        try saved.save(["--hash", "sha256", directory.path])
        var all: Set<String> = []
        for threads in threadCounts {
            for more: [ByteString] in [[], ["--mime"], ["--baseline", saved.path]] {
                all.insert(try Page(["--hash", "sha256", directory.path] + more, threads: threads).data(".map"))
            }
        }
        #expect(all.count == 1)
    }

    @Test(.enabled(if: hasBrowser, "needs chromium, and playwright for Python"))
    func namesAreTextAndNothingElse() throws {
        let directory = try TemporaryDirectory(
            Tree(Self.hostile.map { .file($0, content(40_000)) }) + [
                .directory(
                    "d",
                    Tree(
                        Self.hostile.map { .directory($0, [.file("<b>", content(20_000)), .file($0, content(9000))]) }))
            ])
        let page = try Page([directory.path])
        try page.expectNothingWrong()
        // The data block, too, contains no tag, and no character that is displayed as another.
        let bytes = try page.bytes
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(
            !text.contains("<img") && !text.contains("<svg") && !text.contains("\u{202E}") && !text.contains("\u{FFFD}")
        )
        #expect(
            try page.data(".map.name | map(select(contains(\"gpj\"))) | unique") == #"["\\342\\200\\256gpj.exe"]"#
                + "\n")
    }

    @Test(.enabled(if: hasBrowser, "needs chromium, and playwright for Python"))
    func anEmptyDirectoryAFileAndAMissingPathHavePages() throws {
        let directory = try TemporaryDirectory([.directory("empty"), .file("f", "x")])
        for path: ByteString in ["/empty", "/f", "/gone"] {
            let page = try Page([directory.path + path])
            // There is nothing to drill into.
            let shot = page.directory.appending("shot")
            let outcome = try run([
                Repository.python(), Repository.path("Tests/oracles/page.py"), "screenshots", page.path, shot,
            ])
            #expect(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText.suffix(1000))")
        }
    }

    /// 6,000 names of 255 bytes that are six times as long in the page, in 400 directories.
    @Test(.enabled(if: hasBrowser, "needs chromium, and playwright for Python"))
    func aPageOfAnyTreeIsBounded() throws {
        let directory = try TemporaryDirectory()
        let script = #"""
            cd "$1"; name=$(printf '<%.0s' $(seq 1 240))
            for d in $(seq 1 400); do mkdir "$d"; for f in $(seq 1 15); do echo x > "$d/$f$name"; done; done
            """#
        _ = try output(of: ["bash", "-ec", ByteString(script), "bash", directory.path])
        try Page([directory.path]).expectNothingWrong()
        // Digests of the first of the map's entries.
        let page = try Page(["--hash", "md5,sha1,sha256,sha384,sha512,blake2b", directory.path])
        let size = try page.bytes.count
        #expect(size > 2_000_000 && size <= 3_000_000)
        #expect(
            try page.data(".map | (.digests | length) as $known | [$known > 100, $known < (.name | length)]")
                == "[true,true]\n")
    }

    @Test(.enabled(if: hasBrowser, "needs chromium, and playwright for Python"))
    func aComparisonHasAPageOfItsOwn() throws {
        let directory = try TemporaryDirectory(tree)
        let file = try SavedFile()
        try file.save([directory.path])
        let script =
            "cd \"$0\"; head -c 400000 /dev/zero > a/new; rm -r a/deep; echo x > empty/y; mkdir '<b>'; head -c 9999 /dev/zero > '<b>/f'"
        _ = try output(of: ["sh", "-ec", ByteString(script), directory.path])
        let page = try Page([directory.path])
        for arguments: [ByteString] in [
            ["--html", "-o", page.path], ["--growth", "--json", "--top", "999", "-o", page.report],
        ] {
            #expect(try Fsscan.run(["diff"] + arguments + [file.path, directory.path]).status == 1)
        }
        try page.expectNothingWrong("check-growth")
    }

    /// Those of the JSON, where nothing moved.
    @Test func thePageOfAComparisonListsTheEntriesThatDiffer() throws {
        let directory = try TemporaryDirectory(tree)
        let file = try SavedFile()
        try file.save(["--hash", "sha256", directory.path])
        let script = """
            cd "$0"; head -c 400000 /dev/zero > a/new; rm -r a/deep; chmod 600 old; echo x > b/code.c; rm pipe; mkdir pipe
            touch -d @5 empty; printf x > $'<b>\\xff'
            """
        _ = try output(of: ["bash", "-ec", ByteString(script), directory.path])
        let page = try Page([directory.path])
        let arguments: [ByteString] = [file.path, directory.path]
        #expect(try Fsscan.run(["diff", "--html", "-o", page.path] + arguments).status == 1)
        #expect(try Fsscan.run(["diff", "--json", "-o", page.report] + arguments).status == 1)
        let filter: ByteString = "map([.path, .change]) | sort"
        let expected = try output(of: [
            "jq", "-c",
            ".changes | map({path, change: .changes[0]} | select(.path | contains(\"b>\") | not)) | " + filter,
            page.report,
        ])
        #expect(
            try page.data(".changed_entries | map(select(.path | contains(\"b>\") | not)) | " + filter)
                == String(decoding: expected, as: UTF8.self))
        #expect(
            try page.data("[.more_changed_entries, (.changed_entries | length), .changed_entries[0].change]")
                == "[0,7,\"added\"]\n")
        #expect(
            try page.data(".changed_entries[] | select(.change == \"content\").fields | contains(\"sha256\")")
                == "true\n")
    }

    @Test func theMapIsTheSameAtAnyNumberOfThreads() throws {
        let maps = try threadCounts.map { try Page(["/usr/share/doc"], threads: $0).data("[.map, .totals, .title]") }
        #expect(Set(maps).count == 1)
        #expect(maps[0].utf8.count > 10_000)
    }

    /// The nodes are the largest of all, and no directory above any of them is missing.
    @Test func theNodesAreTheLargestOfFindAndDu() throws {
        let directory = try TemporaryDirectory(tree)
        let script = #"""
            cd "$1"; { find . -type f -printf '%b\t%p\n' | awk -F '\t' '{ printf "%d\t%s\n", $1 * 512, $2 }'; find . -type d -exec du -s -B1 {} \;; } |
                LC_ALL=C sort -t "$(printf '\t')" -k 1,1nr | cut -f 1 | paste -s -d ,
            """#
        let expected = try output(of: ["bash", "-c", ByteString(script), "bash", directory.path])
        let page = try Page([directory.path])
        #expect(try page.data(".map.disk") == "[\(String(decoding: expected, as: UTF8.self).dropLast())]\n")
        #expect(
            try page.data(
                ".map | [.parent[0], (.parent[1:] | all(. >= 0)), (.parent | to_entries | all(.value < .key))]")
                == "[-1,true,true]\n")
    }

    @Test func thePolicyHasTheDigestsOfTheAllowedScripts() throws {
        let page = try Page(["/etc"])
        let script = #"""
            import base64, hashlib, re, sys
            text = open(sys.argv[1], encoding="utf-8").read()
            policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
            parts = re.findall(r"<(style|script)([^>]*)>(.*?)</\1>", text, re.S)
            code = [(tag, body) for tag, attributes, body in parts if not attributes]
            named = {"style": "style-src", "script": "script-src"}
            for tag, body in code:
                digest = "'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"
                assert digest in re.search(named[tag] + " ([^;]*)", policy)[1], tag
            assert "default-src 'none'" in policy and "unsafe" not in policy and len(code) == 3, policy
            assert not re.search(r"\son\w+=|https?://(?!d3js.org)", re.sub(r"<script.*?</script>", "", text, flags=re.S))
            assert "Redistribution and use" in text and "Mike Bostock" in text
            """#
        let outcome = try run(["python3", "-c", ByteString(script), page.path])
        #expect(outcome.status == 0, "\(outcome.errorText)")
    }

    @Test(
        arguments: [
            ["--html", "--json", "/etc"], ["--html", "--sorted", "/etc"],
            ["diff", "--html", "--only", "added", "/etc", "/etc"],
            ["diff", "--html", "--json", "/etc", "/etc"], ["verify", "--format", "html", "x"],
        ] as [[ByteString]])
    func aPageIsOneFormatOfScansAndComparisons(arguments: [ByteString]) throws {
        let outcome = try Fsscan.run(arguments)
        #expect(outcome.status == 64 && outcome.outputText.isEmpty, "\(outcome.errorText)")
    }
}

extension String {
    /// A name has no slash.
    fileprivate func bytes(replacingSlash: Bool) -> ByteString { ByteString(replacing("/", with: "∕")) }
}
