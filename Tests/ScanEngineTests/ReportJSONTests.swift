import Bytes
import Entries
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@Suite struct ReportJSONTests {
    private func json(_ report: ScanReport, _ options: ScanOptions = ScanOptions(paths: [], threads: 1)) -> [UInt8] {
        var bytes: [UInt8] = []
        ReportJSON(report, options: options, version: "0.1.0", includesStatistics: true).write { bytes += $0 }
        return bytes
    }

    @Test func everyFieldIsThereUnderItsName() throws {
        var options = ScanOptions(paths: [], threads: 1)
        options.exclude = [Array("*.o".utf8), [0xFF]]
        var totals = Totals()
        (totals.entries, totals.directories, totals.files, totals.symlinks) = (28, 1, 2, 3)
        (totals.fifos, totals.sockets, totals.blockDevices, totals.characterDevices) = (4, 5, 6, 7)
        (totals.apparentBytes, totals.diskBytes, totals.hardLinkedFiles) = (.max, 9, 10)
        (totals.skipped, totals.errors) = (11, 12)
        var report = ScanReport()
        report.totals = totals
        var root = RootReport(path: Array("/r".utf8))
        root.digests = [NamedDigest(algorithm: "sha256", hex: "00ff")]
        let leaf = TreeNode(name: [0xE9], totals: totals, digests: nil, children: nil)
        root.tree = TreeNode(name: Array("/r".utf8), totals: totals, digests: [], children: [leaf, leaf])
        report.roots = [root, RootReport(path: Array("gone".utf8))]
        report.roots[1].digests = nil
        let time = FileTime(seconds: 1, nanoseconds: 2)
        report.largestFiles = [
            LargestFile(path: Array("/r/f".utf8), apparentBytes: 1, diskBytes: 2, lastChange: time)
        ]
        report.largestDirectories = [
            LargestDirectory(
                path: Array("/r".utf8), entries: 1, apparentBytes: 2, diskBytes: 3,
                lastChange: FileTime(seconds: .max, nanoseconds: 0))
        ]
        let counts = FileCounts(files: 1, apparentBytes: 2, diskBytes: 3)
        report.extensions = [ExtensionCount(fileExtension: "so", counts)]
        report.otherExtensions = FileCounts(files: 4, apparentBytes: 5, diskBytes: 6)
        report.mimeTypes = [MIMETypeCount(type: "text/plain", counts)]
        report.ages = [AgeCount(age: .fiveYears, counts), AgeCount(age: nil, counts)]
        report.sizes = [SizeCount(size: 4, counts), SizeCount(size: nil, counts)]
        report.owners = [OwnerCount(id: 0, name: "root", entries: 7, counts)]
        report.groups = [OwnerCount(id: .max, name: nil, entries: 8, counts)]
        report.pseudoFileSystems = [PseudoFileSystemCount(type: "proc", entries: 9, counts)]
        report.errors = [
            ScanError(path: Array("/r/x".utf8), operation: "openat", code: "EACCES", message: "Permission denied")
        ]
        report.statistics = [("steals", 3), ("parks", 4)]
        let program = """
            [.schema, .complete, (.options | .exclude, .depth, .top), (.totals | add),
             (.roots[0] | .path, .digests, (.tree.children | length), .tree.children[1].name_b64, .tree.digests),
             (.roots[0].tree.children[0] | .digests, has("children")), (.roots[1] | .digests, .tree),
             .largest_files, .largest_directories, .extensions, .other_extensions, .mime_types, .ages, .sizes, .owners, .groups,
             .pseudo_file_systems, .errors,
             .timing.started, .statistics, keys_unsorted]
            """
        let input = json(report, options)
        let read = try output(of: ["jq", "-c", ByteString(program)], ProcessOptions { $0.input = input })
        // jq rounds 2^63-1 + 97 to a double.
        let expected = #"""
            ["fsscan-report/2",true,[{"pattern":"*.o"},{"pattern":"�","pattern_b64":"/w=="}],1,10,9223372036854775807,\#
            "/r",{"sha256":"00ff"},2,"6Q==",{},null,false,null,null,\#
            [{"path":"/r/f","apparent_bytes":1,"disk_bytes":2,"mtime":"1970-01-01T00:00:01.000000002Z"}],\#
            [{"path":"/r","entries":1,"apparent_bytes":2,"disk_bytes":3,"newest_mtime":null}],\#
            [{"extension":"so","files":1,"apparent_bytes":2,"disk_bytes":3}],\#
            {"files":4,"apparent_bytes":5,"disk_bytes":6},\#
            [{"type":"text/plain","files":1,"apparent_bytes":2,"disk_bytes":3}],\#
            [{"age":"5y","files":1,"apparent_bytes":2,"disk_bytes":3},\#
            {"age":null,"files":1,"apparent_bytes":2,"disk_bytes":3}],\#
            [{"size":4,"files":1,"apparent_bytes":2,"disk_bytes":3},\#
            {"size":null,"files":1,"apparent_bytes":2,"disk_bytes":3}],\#
            [{"uid":0,"name":"root","entries":7,"files":1,"apparent_bytes":2,"disk_bytes":3}],\#
            [{"gid":4294967295,"name":null,"entries":8,"files":1,"apparent_bytes":2,"disk_bytes":3}],\#
            [{"type":"proc","entries":9,"files":1,"apparent_bytes":2,"disk_bytes":3}],\#
            [{"path":"/r/x","operation":"openat","code":"EACCES","message":"Permission denied"}],\#
            "1970-01-01T00:00:00.000000000Z",{"steals":3,"parks":4},\#
            ["schema","version","complete","options","totals","roots","largest_files","largest_directories",\#
            "extensions","other_extensions","mime_types","ages","sizes","owners","groups","pseudo_file_systems",\#
            "errors","timing",\#
            "statistics"]]

            """#
        let lines = [read, Array(expected.utf8)].map { bytes in
            String(decoding: bytes, as: UTF8.self).replacing(/9223372036854775807|9223372036854776000/, with: "HUGE")
        }
        #expect(lines[0] == lines[1])
    }

    @Test func aVeryDeepTreeIsWrittenWithoutRecursion() throws {
        // Tests run on threads with 512 KiB of stack: a recursion would have 17 bytes a level.
        var node = TreeNode(name: [0x61], totals: Totals(), digests: [], children: [])
        for _ in 0..<30_000 {
            node = TreeNode(name: [0x61], totals: Totals(), digests: [], children: [node])
        }
        var report = ScanReport()
        report.roots = [RootReport(path: [0x61])]
        report.roots[0].tree = node
        let bytes = json(report)
        #expect(bytes.count < 20_000_000)
        var depth = 0
        var deepest = 0
        for byte in bytes {
            if byte == UInt8(ascii: "[") { depth += 1 }
            if byte == UInt8(ascii: "]") { depth -= 1 }
            deepest = max(deepest, depth)
        }
        #expect(depth == 0)
        #expect(deepest == 30_002)
    }

    @Test func writingStopsAtTheFirstErrorOfTheSink() {
        struct Full: Error {}
        var report = ScanReport()
        report.errors = ReportedErrors(
            (0..<10_000).map { index in
                ScanError(path: Array("path \(index)".utf8), operation: "openat", code: "EACCES", message: "denied")
            })
        var calls = 0
        #expect(throws: Full.self) {
            try ReportJSON(report, options: ScanOptions(paths: [], threads: 1), version: "1").write { _ in
                calls += 1
                throw Full()
            }
        }
        #expect(calls == 1)
    }
}

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000000000Z"),
            (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400, 1, "2000-02-29T00:00:00.000000001Z"),
            (4_107_542_399, 0, "2100-02-28T23:59:59.000000000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000000Z"),
            (253_402_300_799, 0, "9999-12-31T23:59:59.000000000Z"),
            (-62_167_219_200, 0, "0000-01-01T00:00:00.000000000Z"),
            (253_402_300_800, 0, nil), (-62_167_219_201, 0, nil), (Int64.max, 0, nil), (Int64.min, 0, nil),
        ] as [(Int64, Int64, String?)])
    func aTimeIsWrittenAsRFC3339(_ seconds: Int64, _ nanoseconds: Int64, _ expected: String?) {
        #expect(Timestamp.rfc3339(seconds: seconds, nanoseconds: nanoseconds) == expected)
    }

    @Test func everyDayOfEightCenturiesAgreesWithDate() throws {
        // 1600 to 2400: two cycles of leap years.
        let days = stride(from: -135_140, to: 157_054, by: 7).map { Int64($0) * 86_400 + 43_200 }
        let input = Array(days.map { "@\($0)\n" }.joined().utf8)
        let expected = try output(
            of: ["date", "-u", "-f", "-", "+%Y-%m-%dT%H:%M:%S.%NZ"], ProcessOptions { $0.input = input })
        let actual = days.map { Timestamp.rfc3339(seconds: $0, nanoseconds: 0)! + "\n" }.joined()
        #expect(String(decoding: expected, as: UTF8.self) == actual)
    }
}
