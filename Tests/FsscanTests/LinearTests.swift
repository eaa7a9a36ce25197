// Work that grows with the number of errors, of roots or of list lines must be linear: quadratic versions took minutes
// for 100,000.

import TestSupport
import Testing

@Suite struct LinearTests {
    /// The item that occurs many times.
    enum Input: String, CaseIterable, Sendable {
        case errorsAtOnePath, rootsOfRecords, rootsOfAList, linesForOneFile

        /// An input with `count` of them.
        func text(_ count: Int) -> String {
            switch self {
            case .errorsAtOnePath:
                let errors = (0..<count).map {
                    #"{"type":"error","path":"d/a","operation":"getxattr","code":"E2BIG","message":"\#($0)"}"#
                }
                return records(roots: ["d"], [entry("d/a", "file")] + errors + [entry("d", "directory")])
            case .rootsOfRecords:
                let roots = (0..<count).map { "r\($0)" }
                return records(roots: roots, roots.map { entry($0, "file") })
            case .rootsOfAList: return (0..<count).map { line("top\($0)/a") }.joined()
            case .linesForOneFile: return Array(repeating: line("d/a"), count: count).joined()
            }
        }

        /// The other side: a directory with the file `a`, or itself, because only an equal list has as many roots.
        var other: ByteString { self == .rootsOfRecords ? "in" : "d" }

        /// The number of entries that differ, except in metadata: the owners are the user who runs the tests.
        func differences(_ count: Int) -> Int {
            switch self {
            case .errorsAtOnePath: 2
            case .rootsOfRecords: 0
            case .rootsOfAList: count + 1
            case .linesForOneFile: 1
            }
        }
    }

    private static func records(roots: [String], _ lines: [String]) -> String {
        let paths = roots.map { #"{"path":"\#($0)"}"# }.joined(separator: ",")
        let header =
            #"{"type":"header","schema":"fsscan-records/1","version":"0.1.0","started":"2026-11-29T00:00:00.000000000Z","#
            + #""roots":[\#(paths)],"options":{"hash":[],"mime":false,"one_file_system":false,"exclude":[],"#
            + #""gitignore":false,"read_pseudo":false,"max_read":1099511627776,"depth":1,"top":10}}"#
        let summary = #"{"type":"summary","complete":true,"totals":{"entries":\#(lines.count),"errors":0}}"#
        return ([header] + lines + [summary]).joined(separator: "\n") + "\n"
    }

    private static func entry(_ path: String, _ kind: String) -> String {
        #"{"type":"entry","path":"\#(path)","kind":"\#(kind)","size":2,"disk_bytes":0,"mode":"0644","uid":0,"gid":0,"#
            + #""nlink":1,"device":1,"inode":2,"mtime":"2026-01-01T00:00:00.000000000Z","#
            + #""ctime":"2026-01-01T00:00:00.000000000Z","digests":{},"flags":[]}"#
    }

    private static func line(_ path: String) -> String { String(repeating: "0", count: 64) + "  " + path + "\n" }

    @Test(arguments: Input.allCases, [10_000, 100_000]) func aComparisonEnds(_ input: Input, _ count: Int) throws {
        let directory = try TemporaryDirectory([.directory("d", [.file("a", "x")])])
        let options = ProcessOptions { $0.input = Array(input.text(count).utf8) }
        let outcome = try Fsscan.shell("cat >in; $F diff in \(input.other) --json", in: directory, options)
        #expect(outcome.status != nil, "\(outcome.errorText)")
        let counts = try run(
            ["jq", ".totals | .added + .removed + .content + .unknown"],
            ProcessOptions { $0.input = outcome.standardOutput })
        #expect(counts.outputText == "\(input.differences(count))\n")
    }
}
