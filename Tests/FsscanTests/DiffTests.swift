// `fsscan diff`: each kind of change, between saved scans and live trees.

import Glibc
import TestSupport
import Testing

@Suite struct DiffTests {
    /// The lines of a comparison, without the totals, and with paths below the directory.
    private func lines(
        _ arguments: [ByteString], below directory: TemporaryDirectory, status: Int32,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        let outcome = try Fsscan.run(["diff"] + arguments)
        #expect(outcome.status == status, "\(outcome.outputText)\(outcome.errorText)", sourceLocation: sourceLocation)
        return outcome.outputText.split(separator: "\n").map(String.init)
            .filter { "+-*!=?".contains($0.first ?? " ") && $0.dropFirst().first == " " }
            .map { $0.replacing(directory.path.text + "/", with: "") }
    }

    /// Paths and kinds of changes, by jq.
    private func changes(_ arguments: [ByteString], _ filter: String, status: Int32) throws -> String {
        for format: ByteString in ["--json", "--ndjson"] {
            let outcome = try Fsscan.run(["diff", format] + arguments)
            #expect(outcome.status == status, "\(outcome.errorText)")
            try expectValid("diff", outcome.standardOutput)
            if format == "--ndjson" {
                let filtered = try run(
                    ["jq", "-c", ByteString(filter)], ProcessOptions { $0.input = outcome.standardOutput })
                return filtered.outputText
            }
        }
        return ""
    }

    private let tree: Tree = [
        .file("content", "one", mtime: 1_000_000_000), .file("same size", "abc", mtime: 1_000_000_000),
        .file("mode", "x"), .file("owner", "x"), .symlink("link", to: "here"), .file("becomes a directory", "x"),
        .directory("gone", [.file("inside", "bye")]), .file("old name", "moved by inode"),
        .directory("still", [.file("f", "x"), .directory("deep", [.file("g", "y")])]),
        .file("odd\n", "z"), .file([0xFF], "invalid"),
    ]

    /// The changes made by the script below, as `diff --only` names them.
    private let expected = """
        * becomes a directory  kind file -> directory
        * content  size
        * link  size
        ! mode  mode
        ! owner  uid
        * same size  sha256
        - gone  with 1 entry, 3 B
        + new  with 1 entry, 8 B
        = old name -> still/new name
        """

    private let script = """
        printf two2 > content; printf abd > 'same size'; touch -d @1000000000 'same size'; chmod u+s mode; chown 7 owner
        ln -sfn there link; rm 'becomes a directory'; mkdir 'becomes a directory'; rm -r gone
        mkdir new; printf brandnew > new/file; mv 'old name' 'still/new name'
        """

    @Test(.enabled(if: isRoot, "needs root")) func everyKindOfChangeIsSeen() throws {
        let directory = try TemporaryDirectory(tree)
        let file = try SavedFile()
        try file.save(["--hash", "sha256", "--label", "before", directory.path])
        #expect(try lines([file.path, directory.path], below: directory, status: 0) == [])
        _ = try output(of: ["sh", "-ec", ByteString("cd \"$0\"; " + script), directory.path])
        let live = try lines([file.path, directory.path], below: directory, status: 1)
        let starts = expected.split(separator: "\n").map(String.init)
        #expect(live.count == starts.count, "\(live.joined(separator: "\n"))")
        for (line, start) in zip(live, starts) { #expect(line.hasPrefix(start)) }
        // A setuid bit is named with both values.
        #expect(live[3].hasPrefix("! mode  mode 0644 -> 4644, ctime "))
        // Two saved scans give the same as a saved scan and the tree.
        try file.save(["--hash", "sha256", directory.path])
        #expect(try lines([file.path + "#before", file.path], below: directory, status: 1) == live)
        #expect(try lines([file.path + "#1", file.path + "#2"], below: directory, status: 1) == live)
        #expect(try lines([file.path, directory.path], below: directory, status: 0) == [])
        // The other way round, what was added is removed.
        let back = try changes(
            [file.path, file.path + "#1"], "select(.type == \"summary\").totals | [.added, .removed, .moved]", status: 1
        )
        #expect(back == "[2,2,1]\n")
        let content = "select(.type == \"summary\").totals | [.content, .metadata, .kind]"
        #expect(try changes([file.path + "#1", file.path], content, status: 1) == "[3,2,1]\n")
    }

    @Test func ignoredAndHiddenChangesAreNoDifference() throws {
        let directory = try TemporaryDirectory([.file("f", "x")])
        let file = try SavedFile()
        try file.save([directory.path])
        _ = try output(of: ["touch", "-d", "@5", directory.appending("f")])
        #expect(try lines([file.path, directory.path], below: directory, status: 1).count == 1)
        #expect(try lines([file.path, directory.path, "--ignore", "mtime,ctime"], below: directory, status: 0) == [])
        #expect(try lines([file.path, directory.path, "--ignore=mtime"], below: directory, status: 1).count == 1)
        #expect(try lines([file.path, directory.path, "--only", "added,removed"], below: directory, status: 0) == [])
        #expect(try lines([file.path, directory.path, "--only", "metadata"], below: directory, status: 1).count == 1)
        // A file that replaced another, with the same bytes and times: its inode shows it.
        try file.save([directory.path])
        _ = try output(of: ["sh", "-ec", "cd \"$0\"; cp -p f g; mv g f", directory.path])
        let ignored: ByteString = "--ignore=mtime,ctime"
        #expect(try lines([file.path, directory.path, ignored], below: directory, status: 0) == [])
        #expect(
            try lines([file.path, directory.path, ignored, "--also", "inode"], below: directory, status: 1).count == 1)
    }

    @Test func withoutACommonDigestContentIsNotComparedAndThatIsSaid() throws {
        let directory = try TemporaryDirectory([.file("f", "abc", mtime: 5)])
        let file = try SavedFile()
        try file.save(["--hash", "md5", directory.path])
        _ = try output(of: ["sh", "-ec", "cd \"$0\"; printf abd > f; touch -d @5 f", directory.path])
        let ignore: ByteString = "--ignore=ctime"
        // The live side is scanned with the saved digests, unless told otherwise.
        #expect(try lines([file.path, directory.path, ignore], below: directory, status: 1).count == 1)
        // The saved scan has a digest that is not computed now, so it cannot be compared.
        let other = [file.path, directory.path, ignore, "--hash", "sha1"]
        let outcome = try Fsscan.run(["diff"] + other)
        #expect(outcome.status == 2)
        #expect(outcome.outputText.contains("Content was not compared: the two sides have no digest in common (sizes"))
        let missed = "Unknown in NEW, not compared: md5 (1 entry); --ignore md5 accepts that."
        #expect(outcome.outputText.contains(missed) && outcome.errorText == "fsscan: \(missed)\n")
        let notCompared = "select(.type == \"summary\").not_compared | map(select(.field != \"xattrs\"))"
        let item = "[{\"field\":\"md5\",\"reason\":\"new does not say\",\"entries\":1}]\n"
        #expect(try changes(other, notCompared, status: 2) == item)
        let accepted = "[{\"field\":\"content\",\"reason\":\"old does not say\",\"entries\":1}]\n"
        #expect(try changes(other + ["--ignore=md5"], notCompared, status: 0) == accepted)
        #expect(try changes(other + ["--ignore=content"], notCompared, status: 0) == "[]\n")
    }

    @Test(.enabled(if: isRoot, "needs root")) func anUnreadableDirectoryHidesItsFormerEntries() throws {
        let directory = try TemporaryDirectory([
            .directory("d", [.file("inside", "x")]), .file("f", "x", mode: 0o644), .directory("e"),
        ])
        let tools = try TemporaryDirectory()
        let file = try SavedFile()
        try file.save(["--hash", "sha256", directory.path])
        _ = try output(of: ["sh", "-ec", "cd \"$0\"; chmod 700 d; chmod 600 f", directory.path])
        _ = try output(of: ["chmod", "-R", "a+rX", file.directory.path])
        let outcome = try run(
            [Fsscan.copy(to: tools), "diff", "--ndjson", file.path, directory.path],
            ProcessOptions { $0.asOrdinaryUser = true })
        #expect(outcome.status == 2)
        try expectValid("diff", outcome.standardOutput)
        let seen = try run(
            ["jq", "-r", "select(.changes) | (.path | split(\"/\") | last) + \" \" + (.changes | join(\" \"))"],
            ProcessOptions { $0.input = outcome.standardOutput })
        #expect(seen.outputText == "d metadata unreadable\ninside unknown\nf metadata unreadable\n")
    }

    @Test func theCostGrowsWithTheChangeAndNotWithTheTree() throws {
        // 5 x 20 x 20 directories of 5 files.
        let leaf = Tree((0..<5).map { .file("f\($0)", "x") })
        let middle = Tree((0..<20).map { .directory("m\($0)", leaf) })
        let directory = try TemporaryDirectory(
            Tree((0..<5).map { .directory("a\($0)", Tree((0..<20).map { .directory("b\($0)", middle) })) }))
        let file = try SavedFile()
        try file.save([directory.path])
        _ = try output(of: ["chmod", "u+s", directory.appending("a3/b7/m11/f2")])
        try file.save([directory.path])
        let sides = [file.path + "#1", file.path]
        let read = "select(.type == \"summary\").totals | [.metadata, .old_entries_read, .new_entries_read]"
        // The PATH and what has changed, of 12,106 entries: what one row says of both is the same, whatever is compared.
        for options: [ByteString] in [[], ["--also=inode"], ["--ignore=mtime"]] {
            #expect(try changes(sides + options, read, status: 1) == "[1,2,2]\n")
        }
        #expect(try changes(sides + ["--ignore=mode,ctime"], read, status: 0) == "[0,2,2]\n")
        #expect(try file.query("SELECT count(*) FROM entries; SELECT count(*) FROM history") == "12106\n1\n")
        // Scans that share nothing, and have no Merkle values as 0.1.0 has written them.
        _ = try output(of: ["python3", Repository.path("Tests/oracles/version1.py"), file.path])
        #expect(try changes(sides, read, status: 1) == "[1,12106,12106]\n")
    }

    /// Nothing is passed over that differs: scans of one file compare as those of two files, and of version 1, do.
    @Test(arguments: [1, 2, 3] as [UInt64]) func randomTreesCompareAlikeWhoeverSharesRows(_ seed: UInt64) throws {
        let names: [ByteString] = ["a", "b", "c.d", "e f", "\n", [0xFF], [0x01], [0x02], "a.b", "-", "é"]
        let directory = try TemporaryDirectory(.random(seed: seed, entries: 150, names: names))
        let file = try SavedFile()
        try file.save(["--hash", "xxh128", directory.path])
        let mutations = """
            import os, random, sys
            random.seed(\(seed))
            os.chdir(sys.argv[1].encode())
            paths = [os.path.join(top, name) for top, ds, fs in os.walk(b".") for name in ds + fs]
            for path in random.sample(sorted(paths), min(12, len(paths))):
                try:
                    kind = random.randrange(4)
                    if os.path.islink(path): os.unlink(path)
                    elif kind == 0: os.chmod(path, random.choice([0o4755, 0o700, 0o1777]))
                    elif kind == 1: os.rename(path, path + b"x")
                    elif os.path.isdir(path): open(path + b"/zz", "w").write(str(kind))
                    elif os.path.isfile(path): os.utime(path, (1, random.randrange(9)))
                    else: os.unlink(path)
                except OSError: pass
            """
        _ = try output(of: ["python3", "-c", ByteString(mutations), directory.path])
        try file.save(["--hash", "xxh128", directory.path])
        let filter = "select(.changes) | del(.fields[] | select(.field == \"inode\"))"
        let sides = [file.path + "#1", file.path]
        let skipping = try changes(sides, filter, status: 1)
        let other = file.path + ".copy"
        _ = try output(of: ["cp", file.path, other])
        #expect(try changes([file.path + "#1", other], filter, status: 1) == skipping)
        #expect(try changes([other + "#1", file.path], filter, status: 1) == skipping)
        _ = try output(of: ["python3", Repository.path("Tests/oracles/version1.py"), other])
        #expect(try changes([other + "#1", other], filter, status: 1) == skipping)
        #expect(try changes([file.path + "#1", directory.path], filter, status: 1) == skipping)
    }

    /// Traces of an intruder besides contents and modes. Needs root and a file system with attributes; skipped visibly.
    @Test(.enabled(if: isRoot && hasAttributes, "needs root, and attributes of users on the file system of $TMPDIR"))
    func attributesAndCapabilitiesAreCompared() throws {
        let directory = try TemporaryDirectory([.file("f", "x"), .directory("d"), .file("plain")])
        let file = try SavedFile()
        try setAttribute(directory.appending("f"), "user.one", "1")
        try setAttribute(directory.appending("d"), "user.gone", "1")
        try file.save(["--xattrs", directory.path])
        try setAttribute(directory.appending("f"), "user.one", "2")
        // cap_net_raw+ep, as setcap writes it.
        try setAttribute(
            directory.appending("plain"), "security.capability",
            "\u{1}\0\0\u{2}\0\u{10}" + String(repeating: "\0", count: 14))
        try setAttribute(directory.appending("d"), "user.gone", nil)
        let ignore: ByteString = "--ignore=ctime"
        let expected = ["! d  xattrs -user.gone", "! f  xattrs *user.one", "! plain  xattrs +security.capability"]
        #expect(try lines([file.path, directory.path, ignore], below: directory, status: 1) == expected)
        try file.save(["--xattrs", directory.path])
        #expect(try lines([file.path + "#1", file.path, ignore], below: directory, status: 1) == expected)
        #expect(try lines([file.path, directory.path], below: directory, status: 0) == [])
        #expect(try file.query("SELECT sum(xattrs) FROM entry WHERE scan = 2") == "2\n")
        let values = "select(.changes) | .fields[] | select(.field == \"xattrs\") | [.old, .new] | map(length)"
        #expect(try changes([file.path + "#1", file.path, ignore], values, status: 1) == "[1,0]\n[1,1]\n[0,1]\n")
        // Without --xattrs on one side they are not compared, and the output says so.
        try file.save([directory.path])
        let missed = try Fsscan.run(["diff", file.path + "#1", file.path + "#3", ignore])
        #expect(missed.status == 2)
        #expect(missed.outputText.contains("Unknown in NEW, not compared: \(Self.attributes) (4 entries)"))
        let unknown = try Fsscan.run(["diff", file.path + "#3", file.path + "#2", ignore])
        #expect(unknown.status == 0, "\(unknown.outputText)")
        #expect(
            unknown.outputText.contains("OLD was scanned without --xattrs, not compared: \(Self.attributes).\n"))
    }

    private static let attributes = "extended attributes, ACLs and capabilities"

    @Test func anExistingFileWinsOverASelector() throws {
        let directory = try TemporaryDirectory([.directory("t"), .file("f#1")])
        let file = try SavedFile()
        try file.save([directory.appending("t")])
        let odd = file.directory.appending("odd#2")
        _ = try output(of: ["cp", file.path, odd])
        #expect(try Fsscan.run(["diff", odd, directory.appending("t")]).status == 0)
        #expect(try Fsscan.run(["diff", odd + "#1", directory.appending("t")]).status == 0)
        let missing = try Fsscan.run(["diff", odd + "#3", directory.appending("t")])
        #expect(missing.status == 2 && missing.errorText.hasSuffix("holds no scan with the number or label 3\n"))
        let text = try Fsscan.run(["diff", directory.appending("f#1"), directory.path])
        #expect(text.status == 2 && text.errorText.contains("has no known format"))
        #expect(try Fsscan.run(["diff", "/no/such#1", directory.path]).status == 2)
        #expect(try Fsscan.run(["diff", directory.path]).status == 64)
        #expect(try Fsscan.run(["diff", "--only", "everything", odd, odd]).status == 64)
        #expect(
            try Fsscan.run(["diff", odd, odd], ProcessOptions { $0.standardOutput = .file("/dev/full") }).status == 74)
    }
}

/// Sets, or with nil removes, an extended attribute.
private func setAttribute(_ path: ByteString, _ name: String, _ value: String?) throws {
    let call =
        value == nil
        ? "os.removexattr(sys.argv[1], sys.argv[2])" : "os.setxattr(*sys.argv[1:3], bytes(map(ord, sys.argv[3])))"
    // NUL cannot be part of an argument: capabilities have spaces in its place.
    let text = (value ?? "").replacing("\0", with: " ")
    let script = call.replacing("map(ord, sys.argv[3])", with: "0 if c == ' ' else ord(c) for c in sys.argv[3]")
    _ = try output(of: [
        "python3", "-c", ByteString("import os, sys; " + script), path, ByteString(name), ByteString(text),
    ])
}

/// Whether the file system of temporary directories supports user attributes.
let hasAttributes: Bool = {
    guard let directory = try? TemporaryDirectory() else { return false }
    return (try? setAttribute(directory.path, "user.fsscan", "1")) != nil
}()
