// Running the scanner and reading its reports in these tests.

import Foundation
import ScanEngine
import TestSupport
import Testing

/// The numbers of workers that each test runs with: alone, as many as CI has cores, more than that and odd.
let threadCounts = [1, 2, 7]

struct Totals: Decodable, Equatable {
    var entries, directories, files, symlinks, fifos, sockets: Int64
    var blockDevices, characterDevices: Int64
    var apparentBytes, diskBytes, hardLinkedFiles, skipped, errors: Int64
}

struct TreeNode: Decodable {
    var name: String
    var nameB64: Data?
    var totals: Totals
    var children: [TreeNode]?

    var bytes: ByteString { nameB64.map { ByteString($0) } ?? ByteString(name) }
}

/// The parts of a report that tests use. Not for deep trees: JSONDecoder recurses.
struct Report: Decodable {
    struct Root: Decodable {
        var path: String
        var totals: Totals
        var tree: TreeNode?
    }
    struct Item: Decodable {
        var path: String
        var pathB64: Data?
        var apparentBytes, diskBytes: Int64

        var bytes: ByteString { pathB64.map { ByteString($0) } ?? ByteString(path) }
    }
    struct ErrorRecord: Decodable {
        var path: String
        var operation: String
        var code: String
        var message: String
    }
    var complete: Bool
    var totals: Totals
    var roots: [Root]
    var largestFiles: [Item]
    var largestDirectories: [Item]
    var errors: [ErrorRecord]
}

/// A scan with `--json` that ended.
struct ScanRun {
    var outcome: ProcessOutcome
    var arguments: [ByteString]

    init(
        _ arguments: [ByteString], threads: Int = 2, _ options: ProcessOptions = ProcessOptions(),
        program: ByteString = Fsscan.path, under launcher: [ByteString] = []
    ) throws {
        self.arguments = arguments
        outcome = try run(launcher + [program, "--json", "--threads", "\(threads)"] + arguments, options)
    }

    func report() throws -> Report {
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Report.self, from: Data(outcome.standardOutput))
        } catch {
            throw Failure("\(outcome.end) \(outcome.errorText.prefix(500)) \(outcome.outputText.prefix(500)): \(error)")
        }
    }

    /// The bytes that must be the same for any number of workers: everything before `timing` and `statistics`.
    func timeless() throws -> ByteString {
        let text = outcome.standardOutput
        guard let range = Data(text).range(of: Data(#""timing""#.utf8), options: .backwards) else {
            throw Failure(
                "no timing: \(outcome.end) \(outcome.errorText.prefix(500)) \(outcome.outputText.prefix(500))")
        }
        return ByteString(text[..<range.lowerBound])
    }

    /// The differences from the reference scanner on the same PATHs; empty when it agrees.
    func differencesFromReference(asUser user: Int? = nil, in directory: ByteString? = nil) throws -> String {
        let script = Repository.path("Tests/oracles/reference_scan.py")
        let rights: [ByteString] = user.map { ["--user", "\($0)"] } ?? []
        let compare = try run(
            [Repository.python(), script, "--compare"] + rights + arguments,
            ProcessOptions {
                $0.input = outcome.standardOutput
                $0.directory = directory
            })
        return compare.status == 0 ? "" : "\(compare.end)\n" + compare.outputText + compare.errorText.suffix(2000)
    }

    /// Violations of the schema and of the validator's other checks; empty if there are none.
    func schemaProblems() throws -> String {
        let validation = try run(
            [Repository.python(), Repository.path("Tests/oracles/validate.py"), "report"],
            ProcessOptions { $0.input = outcome.standardOutput })
        return validation.status == 0 ? "" : validation.outputText + validation.errorText.suffix(2000)
    }
}

/// Scans with each number of workers; the reports must agree with each other, with the reference scanner and with the
/// schema. Returns the last one.
@discardableResult
func expectAgreement(
    _ arguments: [ByteString], status: Int32 = 0, _ options: ProcessOptions = ProcessOptions(),
    program: ByteString = Fsscan.path, user: Int? = nil, threads: [Int] = threadCounts,
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> ScanRun {
    var first: (text: ByteString, threads: Int)?
    var last: ScanRun?
    for threads in threads {
        let scan = try ScanRun(arguments, threads: threads, options, program: program)
        #expect(
            scan.outcome.end == .exited(status), "\(scan.outcome.errorText.prefix(1000))",
            sourceLocation: sourceLocation)
        let text = try scan.timeless()
        if let first {
            // Not #expect(text == first.text): it would print both.
            let isSame = text == first.text
            #expect(
                isSame, "other bytes with \(threads) than with \(first.threads) threads", sourceLocation: sourceLocation
            )
        } else {
            first = (text, threads)
            let differences = try scan.differencesFromReference(asUser: user, in: options.directory)
            #expect(differences == "", sourceLocation: sourceLocation)
            let problems = try scan.schemaProblems()
            #expect(problems == "", sourceLocation: sourceLocation)
        }
        last = scan
    }
    return last!
}
