// --atime: the value that the kernel reports to Python, and only in records.

import TestSupport
import Testing

@Suite struct AccessTimeTests {
    private let directory: TemporaryDirectory
    private let options: ProcessOptions

    init() throws {
        let directory = try TemporaryDirectory([
            .directory("tree", [.file("new", "a"), .file("old", "b"), .directory("dir", [.file("c", "c")])])
        ])
        self.directory = directory
        options = ProcessOptions { $0.directory = directory.path }
        try touch("@1234567890.123456789", "old")
        try touch("@-86400.25", "dir/c")
        _ = try output(of: ["sh", "-ec", "cd tree; ln -s old link; mkfifo fifo"], options)
    }

    private func touch(_ time: ByteString, _ name: ByteString) throws {
        _ = try output(of: ["touch", "-a", "-d", time, "tree/" + name], options)
    }

    private func scan(_ arguments: [ByteString]) throws -> String {
        let scan = try Fsscan.run(arguments + ["tree"], options)
        try #require(scan.status == 0, "\(scan.errorText)")
        return scan.outputText
    }

    @Test(arguments: [[], ["--hash", "sha256", "--mime"]] as [[ByteString]])
    func recordsHaveTheTimesThatPythonReads(_ more: [ByteString]) throws {
        let check = """
            import csv, datetime, json, os, sys
            def text(path):
                time = os.lstat(path).st_atime_ns
                whole = datetime.datetime.fromtimestamp(time // 10**9, datetime.timezone.utc)
                return whole.strftime('%Y-%m-%dT%H:%M:%S.') + '%09dZ' % (time % 10**9)
            # Python itself has read no directory so far.
            file = open('records', newline='')
            items = [json.loads(line) for line in file] if sys.argv[1] == 'ndjson' else list(csv.DictReader(file))
            items = [item for item in items if item.get('type', 'entry') == 'entry']
            for item in items: assert item['atime'] == text(item['path']), (item, text(item['path']))
            assert list(items[0])[-1] == 'atime', items[0]
            print(len(items))
            """
        for format: ByteString in ["ndjson", "csv"] {
            // Reading updates the times of directories and symlinks that were not read since they changed.
            _ = try scan(["--format", format] + more)
            _ = try scan(["--format", format, "--atime", "-o", "records"] + more)
            #expect(try output(of: ["python3", "-c", ByteString(check), format], options) == Array("7\n".utf8))
            #expect(!(try scan(["--format", format] + more)).contains("atime"))
        }
    }

    /// Neither the rows nor their fingerprints contain it, and nothing compares it.
    @Test func savedScansAndComparisonsDoNotKnowIt() throws {
        let save: [ByteString] = ["--save", "scans.db", "--hash", "sha256", "--atime"]
        _ = try scan(save)
        let read: [ByteString] = ["sqlite3", "scans.db", "SELECT * FROM entry JOIN scans ON scans.id = scan"]
        #expect(!String(decoding: try output(of: read, options), as: UTF8.self).contains("atime"))
        _ = try scan(["--ndjson", "--atime", "-o", "before"])
        try touch("@1000000000", "dir/c")
        _ = try scan(["--ndjson", "--atime", "-o", "after"])
        let difference = try Fsscan.run(["diff", "--json", "before", "after"], options).outputText
        #expect(difference.contains(#""field": "ctime""#) && !difference.contains("atime"), "\(difference)")
        // touch(1) has changed the ctime.
        for sides: [ByteString] in [["before", "after"], ["scans.db", "after"], ["after", "scans.db"]] {
            let diff = try Fsscan.run(["diff", "--ignore", "ctime"] + sides, options)
            #expect(!diff.outputText.contains("atime") && !diff.outputText.contains("dir/c"), "\(diff.outputText)")
        }
        let ignored = try Fsscan.run(["diff", "--ignore", "atime", "before", "after"], options)
        #expect(ignored.status == 64, "it is no field that could be compared")
    }
}
