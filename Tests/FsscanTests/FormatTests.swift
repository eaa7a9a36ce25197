// The formats of other programs, read by those programs.

import TestSupport
import Testing

/// Names that some format has to escape, hard links within and across directories, every kind that needs no root.
let formatTree: Tree = [
    .directory(
        "tree",
        [
            .file("a", "one", mtime: 1_000_000_000), .hardLink("b", to: "tree/a"), .file("new\nline", "x"),
            .file("cr\rx", "y"), .file([0x62, 0xFF, 0x01, 0x7F, 0x22, 0x5C], "z"), .file("sp #=?", "1"),
            .file("g*", "2"), .file("gz", "3"), .file("[ab]", "4"), .file("star\\*", "5"), .file("x,y\"z", "6"),
            .file("\u{E9}\u{1F600}\u{2028}", "7"), .file("#c", "8"), .file("set", "9"), .file("empty", ""),
            .directory("sub", [.hardLink("c", to: "tree/a"), .directory("deep", [.file("f", "10")])]),
            .directory("sub.old", []), .file("sub-", "11"), .symlink("link", to: "a b\n#\\"), .fifo("fifo"),
        ])
]

@Suite struct FormatTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory(formatTree) }

    private func fsscan(_ arguments: [ByteString], status: Int32 = 0) throws -> [UInt8] {
        let outcome = try Fsscan.run(arguments, ProcessOptions { $0.directory = directory.path })
        #expect(outcome.status == status, "\(outcome.errorText)")
        return outcome.standardOutput
    }

    private func python(_ script: String, _ input: [UInt8] = []) throws -> String {
        let options = ProcessOptions {
            $0.directory = directory.path
            $0.input = input
        }
        return String(decoding: try output(of: ["python3", "-c", ByteString(script)], options), as: UTF8.self)
    }

    private func shell(_ script: ByteString) throws -> ProcessOutcome {
        try run(["sh", "-c", script], ProcessOptions { $0.directory = directory.path })
    }

    // MARK: ncdu

    /// Items without their order, which ncdu's reader does not preserve.
    private static let normal = """
        import json, sys
        def load(path): return json.loads(open(path, 'rb').read().decode('utf-8', 'surrogateescape'))[3]
        keys = 'name asize dsize ino nlink hlnkc notreg excluded read_error'.split()
        def normal(item):
            if isinstance(item, list): return [normal(item[0])] + sorted(map(normal, item[1:]), key=json.dumps)
            return {key: item[key] for key in keys if key in item}
        """

    @Test func ncduReadsItsOwnFormat() throws {
        _ = try fsscan(["--format", "ncdu", "-o", "ours", "tree"])
        let outcome = try shell("ncdu -f ours -o read && ncdu -0 -o own tree")
        #expect(outcome.status == 0, "\(outcome.errorText)")
        let script =
            Self.normal + """

                ours, read, own = load('ours'), load('read'), load('own')
                own[0]['name'] = 'tree'
                print(normal(ours) == normal(read), normal(ours) == normal(own))
                """
        #expect(try python(script) == "True True\n")
    }

    @Test func ncduShowsExcludedAndUnreadableEntries() throws {
        _ = try fsscan(["--format", "ncdu", "--exclude", "sub/", "--exclude", "g*", "-o", "ours", "tree"])
        #expect(try shell("ncdu -f ours -o read").status == 0)
        let script =
            Self.normal + """

                print(sorted(i['name'] for i in load('read') if isinstance(i, dict) and i.get('excluded') == 'pattern'))
                """
        #expect(try python(script) == "['g*', 'gz', 'sub']\n")
        _ = try fsscan(["--format", "ncdu", "-o", "missing", "no/such"], status: 1)
        #expect(try shell("ncdu -f missing -o read && grep -q read_error read").status == 0)
    }

    @Test func aPathThatIsNoDirectoryStandsInOne() throws {
        for format: ByteString in ["ncdu", "mtree"] { _ = try fsscan(["--format", format, "-o", format, "tree/a"]) }
        #expect(try shell("ncdu -f ncdu -o read && grep -q '\"name\":\"a\"' read").status == 0)
        #expect(try shell("mtree -e -f mtree -p tree").outputText == "")
    }

    // MARK: mtree

    @Test func mtreeHasNothingToSayOfAnUnchangedTree() throws {
        _ = try fsscan(["--format", "mtree", "--hash", "md5,sha1,sha256,sha512,xxh128", "-o", "spec", "tree"])
        let outcome = try shell("mtree -f spec -p tree")
        #expect(outcome.status == 0)
        #expect(outcome.outputText == "")
    }

    @Test func mtreeSeesEachChange() throws {
        _ = try fsscan(["--format", "mtree", "--hash", "sha256", "-o", "spec", "tree"])
        let changes =
            "cd tree; printf 0 >gz; touch -d @5 -h link; chmod 600 a; rm '[ab]'; : >new; ln -sf other link; rmdir sub.old"
        #expect(try shell(ByteString(changes)).status == 0)
        let outcome = try shell("mtree -f spec -p tree")
        #expect(outcome.status == 2)
        for what in ["sha256", "link ref", "missing: ./\\[ab\\]", "extra: new", "missing: ./sub.old", "permissions"] {
            #expect(outcome.outputText.contains(what), "\(what)")
        }
    }

    // MARK: Lists of checksums

    @Test(arguments: ["sha256sum", "sha1sum", "sha512sum", "md5sum", "b2sum", "sha384sum"])
    func aListOfChecksumsPassesTheProgramOfItsName(_ program: String) throws {
        let program = ByteString(program)
        _ = try fsscan(["--format", program, "-o", "list", "tree"])
        let outcome = try shell(program + " --check --strict list | wc -l")
        #expect(outcome.outputText == "18\n" && outcome.status == 0, "\(outcome.errorText)")
        let sorted = try fsscan(["--format", program, "--sorted", "--threads", "4", "tree"])
        #expect(try fsscan(["--format", program, "--sorted", "--threads", "1", "tree"]) == sorted)
    }

    @Test func unreadableFilesAreOnStandardErrorAndNotInTheList() throws {
        let outcome = try Fsscan.run(
            ["--format", "sha256sum", "--max-read", "2", "tree"], ProcessOptions { $0.directory = directory.path })
        #expect(outcome.status == 1)
        #expect(outcome.errorText.contains("tree/a"))
        #expect(!outcome.outputText.contains("tree/a\n"))
        #expect(outcome.outputText.contains("tree/gz\n"))
    }

    // MARK: CSV and the earlier scanner's lines

    @Test func pythonReadsTheTreeBackFromCSV() throws {
        let script = """
            import csv, io, os, sys, hashlib
            rows = list(csv.DictReader(io.TextIOWrapper(sys.stdin.buffer, 'utf-8', 'surrogateescape', newline='')))
            want = {b'tree'} | {os.path.join(d, n) for d, ds, fs in os.walk(b'tree') for n in ds + fs}
            assert {os.fsencode(row['path']) for row in rows} == want
            for row in rows:
                s = os.lstat(os.fsencode(row['path']))
                assert None not in row and None not in row.values(), row
                assert (int(row['size']), int(row['inode']), int(row['nlink'])) == (s.st_size, s.st_ino, s.st_nlink)
                assert int(row['mode'], 8) == s.st_mode & 0o7777
                if row['kind'] == 'file':
                    assert row['sha256'] == hashlib.sha256(open(os.fsencode(row['path']), 'rb').read()).hexdigest()
                if row['kind'] == 'symlink': assert os.fsencode(row['target']) == os.readlink(os.fsencode(row['path']))
            print(len(rows))
            """
        let csv = try fsscan(["--format", "csv", "--hash", "sha256,md5", "tree"])
        #expect(try python(script, csv) == "24\n")
    }

    @Test func theEarlierScannersLinesEqualPythonsDump() throws {
        let script = """
            import hashlib, json, os, sys
            lines = sys.stdin.read().split('\\n')[:-1]
            assert list(json.loads(lines[0])) == ['beginning_date']
            assert lines[-2] == '{}' and json.loads(lines[-1])['end_marker'] == 'fluentbit_end'
            for line in lines[1:-2]:
                item = json.loads(line)
                assert json.dumps(item) == line, line
                path = os.fsencode(item['path'])
                s, stat = os.lstat(path), item['stat']
                for key in 'dev ino mode nlink uid gid rdev size blksize blocks'.split():
                    assert stat['st_' + key] == getattr(s, 'st_' + key), (key, line)
                for key in 'mtime', 'ctime':
                    assert stat[f'st_{key}'] * 10**9 + stat[f'st_{key}_ns'] == getattr(s, f'st_{key}_ns'), (key, line)
                content = open(path, 'rb').read() if os.path.isfile(path) and not os.path.islink(path) else None
                want = None if content is None else \\
                    {name: hashlib.new(name, content).hexdigest() for name in ('md5', 'sha1', 'sha256', 'sha512')}
                assert item.get('hash') == want, line
            print(len(lines) - 3)
            """
        #expect(try python(script, try fsscan(["--format", "mca", "tree"])) == "24\n")
    }
}
