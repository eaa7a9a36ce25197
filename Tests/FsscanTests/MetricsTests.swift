// `--format openmetrics`, read by promtool and by both parsers of Prometheus' Python client
// (Tests/oracles/prometheus.sh).

import Foundation
import TestSupport
import Testing

private let unpacked = Repository.path(".venv/prometheus")
private let hasPromtool = FileManager.default.isExecutableFile(atPath: unpacked.appending("usr/bin/promtool").text)

@Suite struct MetricsTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory(formatTree) }

    private func metrics(_ arguments: ByteString...) throws -> [UInt8] {
        let outcome = try Fsscan.run(
            ["--format", "openmetrics"] + arguments, ProcessOptions { $0.directory = directory.path })
        #expect(outcome.status == 0 || outcome.status == 1, "\(outcome.errorText)")
        return outcome.standardOutput
    }

    /// The values of a metric by its labels.
    private func values(_ metrics: [UInt8]) -> [String: String] {
        let lines = String(decoding: metrics, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
        let pairs = lines.map { line in
            let space = line.lastIndex(of: " ")!
            return (String(line[..<space]), String(line[line.index(after: space)...]))
        }
        return Dictionary(pairs) { _, _ in "twice" }
    }

    @Test func eachPathAndDirectoryAgreesWithDuAndFind() throws {
        let found = values(try metrics("--depth", "2", "tree", "missing"))
        for (path, name) in [("tree", ""), ("tree/sub", "directory_"), ("tree/sub/deep", "directory_")] {
            let usage = try Fsscan.shell(
                "du -s -B1 \(path) | cut -f 1; find \(path) | tr -cd '\\n' | wc -c", in: directory)
            let lines = usage.outputText.split(separator: "\n")
            #expect(found["fsscan_\(name)disk_bytes{path=\"\(path)\"}"] == lines[0].description)
            // find prints a name with a newline as two lines.
            let entries = try Fsscan.shell("find \(ByteString(path)) -printf x | wc -c", in: directory).outputText
            #expect(found["fsscan_\(name)entries{path=\"\(path)\"}"] == entries.split(separator: "\n")[0].description)
        }
        #expect(found["fsscan_errors{path=\"missing\"}"] == "1")
        #expect(found["fsscan_entries{path=\"missing\"}"] == "0")
        #expect(found["fsscan_scan_complete"] == "1")
        #expect(Double(found["fsscan_scan_duration_seconds"] ?? "") != nil)
        #expect(!found.keys.contains("fsscan_directory_disk_bytes{path=\"tree\"}"))
        #expect(values(try metrics("--depth", "0", "tree")).keys.allSatisfy { !$0.contains("directory") })
    }

    /// A collector refuses the whole file if a label appears twice.
    @Test func noLabelStandsTwice() throws {
        _ = try Fsscan.shell(
            #"cd tree; mkdir $'\377' '\377' $'a\nb' 'a\nb' 'a"b' '}' 'x{y="z"} 1'; mkdir sub/$'\377'"#, in: directory)
        let printed = try metrics("--depth", "3", "tree", "tree", "tree/sub", "./tree")
        let found = values(printed)
        #expect(!found.values.contains("twice"))
        for label in [#"tree/\\377"#, #"tree/\\\\377"#, #"tree/a\\nb"#, #"tree/a\\\\nb"#, #"tree/a\"b"#, "tree/sub"] {
            #expect(found["fsscan_directory_entries{path=\"\(label)\"}"] != nil, "\(label)")
        }
        #expect(String(validating: printed, as: UTF8.self)?.hasSuffix("\n# EOF\n") == true)
    }

    @Test(.enabled(if: hasPromtool, "promtool is not available: Tests/oracles/prometheus.sh"))
    func promtoolAndBothParsersHaveNothingToSay() throws {
        _ = try Fsscan.shell(#"cd tree; mkdir $'\377' $'a\nb' 'a"b' 'x{y="z"} 1' '#'"#, in: directory)
        let script: ByteString = """
            import sys
            from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
            from prometheus_client.parser import text_string_to_metric_families as prometheus
            text = sys.stdin.read()
            def samples(parse):
                return [(s.name, s.labels.get('path'), s.value) for f in parse(text) for s in f.samples]
            assert {f.type for f in open_metrics(text)} == {'gauge'}
            assert samples(open_metrics) == samples(prometheus)
            labels = {label for _, label, _ in samples(prometheus) if label}
            assert 'tree/\\\\377' in labels and 'tree/a\\\\nb' in labels and 'tree/x{y="z"} 1' in labels, labels
            print(len(samples(prometheus)))
            """
        for depth: ByteString in ["0", "3"] {
            let printed = try metrics("--depth", depth, "tree", "missing", "tree")
            let lint = try run(
                [unpacked.appending("usr/bin/promtool"), "check", "metrics"], ProcessOptions { $0.input = printed })
            #expect(lint.status == 0 && lint.outputText + lint.errorText == "", "\(lint.outputText)\(lint.errorText)")
            guard depth == "3" else { continue }
            let parsed = try run(
                ["python3", "-c", script],
                ProcessOptions {
                    $0.input = printed
                    $0.environment = ["PYTHONPATH": unpacked.appending("usr/lib/python3/dist-packages").text]
                })
            // Of 2 PATHs and 8 directories 4 each, and 3 of the scan.
            #expect(parsed.outputText == "43\n", "\(parsed.outputText)\(parsed.errorText)")
        }
    }
}
