// Input for other programs: --format paths, --print and --format du, against find, du and sha256sum.

import TestSupport
import Testing

@Suite struct PipeFormatTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory(formatTree) }

    private func shell(_ script: ByteString) throws -> String {
        let outcome = try Fsscan.shell(script, in: directory)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        return outcome.outputText
    }

    // MARK: --format paths

    @Test(arguments: [("", "find tree | sort"), (" -0", "find tree -print0 | sort -z")] as [(ByteString, ByteString)])
    func pathsAgreeWithFind(_ option: ByteString, _ find: ByteString) throws {
        let sort: ByteString = option == "" ? "sort" : "sort -z"
        _ = try shell("$F --format paths\(option) tree missing | \(sort) > ours; \(find) > finds; cmp ours finds")
    }

    @Test func pathsComeInOrderIfThatIsAsked() throws {
        let sorted = "$F --format paths -0 --sorted --threads"
        // In the order of components: the contents of a directory come after it, before `sub-` and `sub.old`.
        _ = try shell(
            """
            \(sorted) 4 tree > four; \(sorted) 1 tree > one; cmp one four
            tr '/' '\\001' < four | LC_ALL=C sort -zc
            """)
    }

    @Test func aNameCannotBreakTheLineOfATerminal() throws {
        let place = try TemporaryDirectory([.directory("t", [.file("a\nfake line\u{1B}[2J"), .file([0xFF])])])
        let terminal = try Terminal(environment: ["D": place.path.text])
        for command: ByteString in ["--format paths", "--format paths -0", "--print path", "--print path -0"] {
            try terminal.type("clear; cd $D; $F \(command) t; $F --format du --depth 9 t | cat; echo end$((1+1))")
            let screen = try terminal.waitFor("end2")
            #expect(screen.contains(#"t/a\nfake line\033[2J"#) && screen.contains(#"t/\377"#), "\(screen)")
            #expect(!screen.contains("\nfake"))
        }
    }

    // MARK: --print

    @Test func columnsAgreeWithFind() throws {
        // find's %m has no leading zeros, and its times another form.
        _ = try shell(
            #"""
            $F --print size,inode,nlink --print uid,gid,path -0 tree | sort -z > ours
            find tree -printf '%s\t%i\t%n\t%U\t%G\t%p\0' | sort -z > finds
            cmp ours finds
            $F --print mtime,path -0 tree | sort -z > ours
            find tree -printf '%TY-%Tm-%TdT%TT\t%p\0' | sed -z 's/\(T[0-9:]*\.[0-9]\{9\}\)0/\1Z/' | sort -z > finds
            cmp ours finds
            """#)
    }

    @Test func aColumnRequestsItsOptions() throws {
        _ = try shell(
            """
            $F --print sha256,path,kind -0 tree | grep -az 'file$' | cut -z -f 1,2 | tr '\\t' ' ' | sort -z > ours
            find tree -type f -exec sha256sum -z {} + | tr -s ' ' | sort -z > theirs
            cmp ours theirs
            """)
        #expect(try shell("$F --print mime,path tree/a") == "text/plain\ttree/a\n")
        #expect(try shell("$F --print md5 --hash sha1 tree/empty") == "d41d8cd98f00b204e9800998ecf8427e\n")
    }

    @Test func fieldsThatAnEntryLacksAreEmpty() throws {
        #expect(try shell("$F --print kind,target,rdev,mime,path tree/fifo") == "fifo\t\t\t\ttree/fifo\n")
        // A target is a name as well.
        #expect(try shell("$F --print target,kind tree/link") == #"a b\n#\\"# + "\tsymlink\n")
        #expect(try shell("$F --print target -0 tree/link | od -An -c | tr -d ' \\n'") == #"ab\n#\\0"#)
    }

    /// Two columns stay two columns whatever a file's name is, and Python can read the name back.
    @Test func hostileNamesStayInTheirColumn() throws {
        let place = try TemporaryDirectory([.directory("t", Tree(try OddNames.load().map { .file($0) }))])
        let script = """
            import codecs, os, sys
            read = set()
            for line in sys.stdin.buffer.read().split(b'\\n')[:-1]:
                path, kind = line.split(b'\\t')
                assert min(line.replace(b'\\t', b' ')) >= 32, line
                line.decode()
                read.add(codecs.escape_decode(path)[0])
            assert read == {b't'} | {os.path.join(b't', name) for name in os.listdir(b't')}
            print(len(read))
            """
        let outcome = try Fsscan.run(["--print", "path,kind", "t"], ProcessOptions { $0.directory = place.path })
        let count = try output(
            of: ["python3", "-c", ByteString(script)],
            ProcessOptions {
                $0.directory = place.path
                $0.input = outcome.standardOutput
            })
        #expect(ByteString(count) == ByteString("\(try OddNames.load().count + 1)\n"))
    }

    @Test(.enabled(if: isRoot, "needs root, to become another user"))
    func entriesWithoutAStatusHaveNoSize() throws {
        // A directory that may be listed but not searched.
        let place = try TemporaryDirectory([.directory("t", [.file("a")], mode: 0o744)])
        let copy = try Fsscan.copy(to: place)
        let outcome = try run(
            [copy, "--print", "size,path,kind,uid", "t/"],
            ProcessOptions {
                $0.directory = place.path
                $0.asOrdinaryUser = true
            })
        #expect(outcome.status == 1)
        #expect(outcome.outputText.contains("0\tt/a\tfile\t\n"), "\(outcome.outputText)\(outcome.errorText)")
    }

    // MARK: --format du

    @Test(arguments: ["0", "1", "2", "9"])
    func eachLineAgreesWithDuForThatDirectoryAlone(_ depth: ByteString) throws {
        _ = try shell(
            """
            cp -al tree copy; mv copy tree/; mkdir -p tree/$'x\\ny'/z; ln tree/gz tree/$'x\\ny'/z/
            head -c 70000 /dev/zero > tree/copy/big; ln tree/copy/big tree/sub/
            $F --format du -0 --depth \(depth) tree | sort -z > ours
            find tree -maxdepth \(depth) -type d -exec du -s0 -B1 {} \\; | sort -z > theirs
            cmp ours theirs; test -s ours
            """)
    }

    @Test func linesComeInDusOrder() throws {
        let place = try TemporaryDirectory([.chain("deep", depth: 200, [.file("f", "x")]), .symlink("s", to: "x")])
        for (depth, paths) in [("1000", "deep"), ("1000", "deep/"), ("1000", "s deep/deep"), ("3", "./deep")] {
            let script =
                "$F --format du --depth \(depth) \(paths) > ours; du -B1 -d \(depth) \(paths) > theirs; cmp ours theirs"
            let outcome = try Fsscan.shell(ByteString(script), in: place)
            #expect(outcome.status == 0, "\(paths): \(outcome.outputText)\(outcome.errorText)")
        }
        // Siblings by name, each after its contents.
        #expect(
            try shell("$F --format du --depth 2 tree | cut -f 2") == "tree/sub/deep\ntree/sub\ntree/sub.old\ntree\n")
    }

    @Test func unreadableEntriesAreReported() throws {
        let outcome = try Fsscan.shell("$F --format du missing tree/fifo", in: directory)
        #expect(outcome.status == 1)
        #expect(outcome.outputText == "0\ttree/fifo\n")
        #expect(outcome.errorText.contains("missing"))
    }

    // MARK: Command line

    @Test(
        arguments: [
            (["--print", "path,colour", "/"], "--print: 'colour' is not one of path kind size disk_bytes"),
            (["--print", "", "/"], "--print: '' is not one of path"),
            (["--print", "digests", "/"], "--print: 'digests' is not one of path"),
            (["--print", "path", "--json", "/"], "one format at a time: json or --print"),
            (["-0", "/"], "-0 is for lines: use it with --print, --format paths or --format du"),
            (["--null", "--ndjson", "/"], "-0 is for lines"),
            (["--format", "du", "--sorted", "/"], "--sorted is for records"),
        ] as [([ByteString], String)])
    func contradictoryOptionsAreRefused(_ arguments: [ByteString], _ message: String) throws {
        let outcome = try Fsscan.run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.errorText.hasPrefix("fsscan: \(message)"), "\(outcome.errorText)")
    }
}
