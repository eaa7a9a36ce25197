// `--trace`: read with jq as Chrome and Perfetto read it, and checked against the report's own statistics.

import ScanEngine
import TestSupport
import Testing

@Suite struct TraceTests {
    private func jq(_ filter: String, _ file: ByteString) throws -> String {
        String(decoding: try output(of: ["jq", "-c", ByteString(filter), file]).dropLast(), as: UTF8.self)
    }

    private let tree: Tree = Tree((0..<60).map { .directory("d\($0)", [.directory("e", [.file("f", "")])]) })

    @Test(arguments: [1, 2, 8]) func aTraceAgreesWithTheStatistics(threads: Int) throws {
        let directory = try TemporaryDirectory(tree)
        let (report, trace) = (directory.appending("report"), directory.appending("trace"))
        let outcome = try Fsscan.run([
            "--json", "--stats", "-o", report, "--trace", trace, "--threads", ByteString(String(threads)),
            directory.appending("d1"), directory.path,
        ])
        #expect(outcome.status == 0, "\(outcome.errorText)")

        for (event, field, statistic) in [
            (".args.messages", "add", ".messages"), (#"select(.name == "steal") | .args.taken"#, "add // 0", ".stolen"),
            (#"select(.name == "steal") | .ts"#, "length", ".steals"),
            (#"select(.args.messages) | .ts"#, "length", ".turns"),
            (#"select(.name == "parked") | .ts"#, "length", ".parks"),
        ] {
            let traced = try jq("[.traceEvents[] | \(event)] | map(select(. != null)) | \(field)", trace)
            #expect(try jq(".statistics" + statistic, report) == traced, "\(statistic)")
        }
        #expect(try jq(#"[.traceEvents[] | .name] | index("Directory") != null"#, trace) == "true")
    }

    @Test func turnsOfOneWorkerDoNotOverlap() throws {
        let directory = try TemporaryDirectory(tree)
        let trace = directory.appending("trace")
        #expect(try Fsscan.run(["--threads", "2", "--trace", trace, directory.path]).status == 0)
        let overlaps = try jq(
            """
            [.traceEvents | map(select(.ph == "X" and .name != "off-CPU")) | group_by(.tid)[] | sort_by(.ts) |
             . as $all | range(1; length) | select($all[.].ts + 0.0015 < $all[. - 1].ts + $all[. - 1].dur)] | length
            """, trace)
        #expect(overlaps == "0")
    }

    @Test func aTraceThatCannotBeWrittenIsAnErrorOfTheOutput() throws {
        let directory = try TemporaryDirectory(tree)
        let full = try Fsscan.run(["--json", "--trace", "/dev/full", directory.path])
        #expect(full.status == 74)
        #expect(full.errorText.contains("No space left on device"))
        #expect(full.standardOutput.count > 100, "the report itself was written")
        #expect(try Fsscan.run(["--trace", "no/such/file", directory.path]).status == 74)
    }
}
