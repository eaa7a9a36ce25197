// Records against the schema, against Python's os.lstat of the same files, and against hostile names.

import Bytes
import CLinux
import Entries
import Formats
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

@Suite struct RecordEncoderTests {
    /// Reads lines of entries whose path contains, in hex after "/", the target of its symlink.
    private static let python = """
        import base64, json, sys
        def exact(record, key):
            text = record[key].encode('utf-8')
            if key + '_b64' not in record: return text
            data = base64.b64decode(record[key + '_b64'], validate=True)
            assert data.decode('utf-8', 'replace').encode() == text and data != text, record
            return data
        names = [bytes.fromhex(line) for line in open(sys.argv[1])]
        lines = sys.stdin.buffer.read().split(b'\\n')
        assert lines.pop() == b'' and len(lines) == len(names), len(lines)
        for name, line in zip(names, lines):
            record = json.loads(line.decode('utf-8'))
            assert exact(record, 'path') == b'/' + name, line
            assert exact(record, 'target') == name, line
        print(len(lines))
        """

    private func entries(_ names: [[UInt8]]) throws -> [UInt8] {
        let symlink = FileStatus()
        return RecordEncoder.lines { encoder in
            for name in names {
                encoder.entry("/" + ByteString(name), .symlink, symlink, EntryContent(target: name))
            }
        }
    }

    private static let names: [[UInt8]] =
        (1...255).flatMap { byte in [[byte], [0x61, byte, 0x62], [UInt8](repeating: byte, count: 255)] }
        + [Array(1...255)] + Fuzz.names(5_000).filter { !$0.isEmpty }

    @Test func pythonReadsTheExactBytesOfAnyNameAndTargetBack() throws {
        let directory = try TemporaryDirectory([
            .file(
                "names",
                ByteString(
                    Self.names.map { $0.map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined() }
                        .joined(separator: "\n")))
        ])
        let count = try output(
            of: ["python3", "-c", ByteString(Self.python), directory.appending("names")],
            reading: try entries(Self.names))
        #expect(count == "\(Self.names.count)\n")
    }

    @Test func jqReadsTheExactBytesOfAnyNameBack() throws {
        let program: ByteString = #"if .path_b64 then .path_b64 else .path | @base64 end"#
        let read = try output(of: ["jq", "-r", program], reading: try entries(Self.names))
        let expected = Self.names.map { name in
            var writer = JSONWriter(layout: .compact)
            ([UInt8(ascii: "/")] + name).withUnsafeBytes { writer.buffer.append(base64: $0) }
            return String(decoding: writer.buffer.bytes, as: UTF8.self) + "\n"
        }
        #expect(read == expected.joined())
    }

    @Test func entriesAgreeWithPythonsLstat() throws {
        let directory = try TemporaryDirectory([
            .directory("dir", mode: 0o1777), .file("file", "contents", mode: 0o4751, mtime: 1_000_000_000),
            .symlink("link", to: "file"), .fifo("fifo"), .socket("socket"),
        ])
        let paths =
            ["dir", "file", "link", "fifo", "socket"].map { directory.appending($0) } + ["/dev/null", "/proc/1"]
        let lines = try RecordEncoder.lines { encoder in
            for path in paths {
                let status = try status(of: path)
                encoder.entry(path, try #require(status.kind), status)
            }
        }
        let python = """
            import datetime, json, os, stat, sys
            kinds = {stat.S_IFDIR: 'directory', stat.S_IFREG: 'file', stat.S_IFLNK: 'symlink', stat.S_IFIFO: 'fifo',
                     stat.S_IFSOCK: 'socket', stat.S_IFCHR: 'character_device', stat.S_IFBLK: 'block_device'}
            def time(nanoseconds):
                date = datetime.datetime.fromtimestamp(nanoseconds // 10**9, datetime.timezone.utc)
                return f'{date:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 10**9:09}Z'
            for line in sys.stdin:
                record = json.loads(line)
                record.pop('flags', None)  # not every file system tells
                s = os.lstat(record['path'])
                expected = {'type': 'entry', 'path': record['path'], 'kind': kinds[stat.S_IFMT(s.st_mode)],
                    'size': s.st_size, 'disk_bytes': s.st_blocks * 512, 'mode': f'{stat.S_IMODE(s.st_mode):04o}',
                    'uid': s.st_uid, 'gid': s.st_gid, 'nlink': s.st_nlink, 'device': s.st_dev, 'inode': s.st_ino,
                    'mtime': time(s.st_mtime_ns), 'ctime': time(s.st_ctime_ns), 'btime': record['btime']}
                if 'device' in expected['kind']: expected['rdev'] = s.st_rdev
                expected['digests'] = {}
                assert list(record.items()) == list(expected.items()), (record, expected)
                print(expected['kind'])
            """
        #expect(
            try output(of: ["python3", "-c", ByteString(python)], reading: lines)
                == "directory\nfile\nsymlink\nfifo\nsocket\ncharacter_device\ndirectory\n")
    }

    @Test func everyRecordIsAsTheSchemaSays() throws {
        var options = ScanOptions(paths: [Array("/r".utf8), [0xFF]], threads: 2)
        options.hash = [.sha256, .git, .sha256]
        options.mime = true
        options.exclude = [Array("*.o".utf8)]
        let set = DigestSet(options.hash)
        var status = FileStatus()
        status.raw.stx_ino = .max
        status.raw.stx_size = .max
        status.raw.stx_blocks = .max
        let row = [UInt8](0..<UInt8(set.rowBytes))
        var report = ScanReport()
        report.roots = [RootReport(path: [0xFF]), RootReport(path: Array("gone".utf8))]
        report.roots[0].digests = set.named(row)
        report.roots[1].digests = nil
        report.statistics = [("steals", 1)]
        let lines = RecordEncoder.lines(options.hash) { encoder in
            encoder.header(options: options, version: "0.1.0", timing: Timing())
            for kind in UInt8(0)...6 {
                let kind = EntryKind(rawValue: kind)!
                for content in [
                    EntryContent(),
                    EntryContent(target: [0x80], digests: row, mime: "text/plain", isChanged: true),
                ] {
                    encoder.entry("/r/x", kind, status, content)
                }
                [0x2F, 0xC3].withUnsafeBytes { encoder.unknownEntry(path: $0, kind: kind) }
            }
            encoder.error(ScanError(path: [0xC3], operation: "statx", code: "EACCES", message: "Permission denied"))
            encoder.summary(of: report, includesStatistics: true)
        }
        let validation = try run(
            [try Repository.python(), Repository.path("Tests/oracles/validate.py"), "records"],
            ProcessOptions { $0.input = lines })
        #expect(validation.outputText + validation.errorText == "")
        #expect(validation.status == 0)

        let shape = try output(
            of: ["jq", "-c", #"[.kind, (.digests // {} | keys_unsorted), .mime, .changed, .target_b64, has("rdev")]"#],
            reading: Array(lines.split(separator: 0x0A)[3...5].joined(separator: [0x0A])))
        // The second entry of a directory, the unknown one, and the first of a file.
        #expect(
            shape == """
                ["directory",[],null,null,null,false]
                ["file",[],null,null,null,false]
                ["file",["sha256","git"],"text/plain",true,null,false]

                """)
    }

    @Test func digestsAreEmptyWithoutHashAndAbsentWhereUnknown() throws {
        func digests(_ algorithms: [DigestAlgorithm], _ row: [UInt8]?) throws -> String {
            let line = RecordEncoder.lines(algorithms) {
                $0.entry("x", .directory, FileStatus(), EntryContent(digests: row))
            }
            return try output(of: ["jq", "-c", #"if has("digests") then .digests else "absent" end"#], reading: line)
        }
        #expect(try digests([], nil) == "{}\n")
        #expect(try digests([], []) == "{}\n")
        #expect(try digests([.md5], nil) == "\"absent\"\n")
        #expect(
            try digests([.md5, .xxh128], Array(0xF0...0xFF) + Array(0...15))
                == #"{"md5":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","xxh128":"000102030405060708090a0b0c0d0e0f"}"# + "\n")
    }

    @Test func timesBeyondFourDigitsOfYearAreNullAndSecondsStandBeside() {
        func times(_ seconds: Int64, _ nanoseconds: UInt32, hasBirth: Bool) -> String {
            var status = FileStatus()
            let time = statx_timestamp(tv_sec: seconds, tv_nsec: nanoseconds, __reserved: 0)
            (status.raw.stx_mtime, status.raw.stx_ctime, status.raw.stx_btime) = (time, time, time)
            status.raw.stx_mask = FileStatus.mask & ~(hasBirth ? 0 : UInt32(STATX_BTIME))
            let line = RecordEncoder.lines { $0.entry("x", .fifo, status) }
            let text = String(decoding: line, as: UTF8.self)
            return String(text.split(separator: #""inode":0,"#)[1].split(separator: #","digests""#)[0])
        }
        let last = "9999-12-31T23:59:59.999999999Z"
        #expect(
            times(253_402_300_799, 999_999_999, hasBirth: true)
                == #""mtime":"\#(last)","ctime":"\#(last)","btime":"\#(last)""#)
        #expect(
            times(-62_167_219_200, 0, hasBirth: false)
                == #""mtime":"0000-01-01T00:00:00.000000000Z","ctime":"0000-01-01T00:00:00.000000000Z","btime":null"#)
        for seconds in [253_402_300_800, -62_167_219_201, Int64.max, .min] {
            #expect(
                times(seconds, 0, hasBirth: true)
                    == #""mtime":null,"mtime_seconds":\#(seconds),"ctime":null,"ctime_seconds":\#(seconds),"#
                    + #""btime":null,"btime_seconds":\#(seconds)"#)
        }
        // A user's own file system (FUSE) may report anything.
        #expect(
            times(7, 1_000_000_000, hasBirth: false)
                == #""mtime":null,"mtime_seconds":7,"ctime":null,"ctime_seconds":7,"btime":null"#)
    }

    @Test func aPathIsTheSameBytesAsAnEntryPaths() {
        let identity = DeviceInode(device: 0, inode: 0)
        var path = RecordPath()
        for root in ["", "a", "a/", "/", "//", ".", "a//b"] {
            var node = PathNode.root(Array(root.utf8), index: 0)
            for depth in 0..<20 {
                let name = [UInt8](repeating: 0xC0 | UInt8(depth), count: 1 + depth * 40)
                for last in [nil, name] as [[UInt8]?] {
                    let expected = EntryPath(directory: node, name: last).bytes
                    if let last {
                        #expect(last.withUnsafeBytes { path.with($0, in: node) { Array($0) } } == expected)
                    } else {
                        #expect(path.with(nil, in: node) { Array($0) } == expected)
                    }
                }
                node = name.withUnsafeBytes { PathNode.child($0, of: node, parentIdentity: identity) }
            }
        }
    }
}
