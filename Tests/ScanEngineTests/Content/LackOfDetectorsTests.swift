import Synchronization
import TestSupport
import Testing
import WorkStealing

@testable import ScanEngine

/// Fewer libmagic handles than workers: files wait for one, and nobody can tell from the answers.
@Suite struct LackOfDetectorsTests {
    /// Contents that are all different, so that no answer is known already. More names than fit into a few slices.
    private static let tree: Tree = {
        func files(_ count: Int, _ kind: String) -> Tree {
            Tree((0..<count).map { .file(ByteString("a-name-of-some-length-\($0)"), ByteString("\(kind)\($0)\n")) })
        }
        return [
            .directory("flat", files(3_000, "#!/bin/sh\n# ")),
            .directory(
                "deep", [.directory("a", files(20, "a")), .directory("b", [.directory("c", files(20, "{\"c\": 1} "))])]),
            .file("one", "one"), .hardLink("two", to: "one"),
            .directory("links", [.hardLink("three", to: "one"), .file("empty"), .fifo("pipe")]),
            .file("large", "%PDF-1.4", size: 17 << 20), .file("larger", "GIF89a", size: 40 << 20),
        ]
    }()

    /// - Parameter lacking: nobody has a detector until a number of files have asked for one.
    private func records(
        _ path: ByteString, lacking: Bool = false, _ change: (inout ScanOptions) -> Void
    ) throws -> (
        entries: ArraySlice<ArraySlice<UInt8>>, report: ScanReport
    ) {
        var options = ScanOptions(paths: [path.bytes], threads: 1)
        options.mime = true
        change(&options)
        let lines = Mutex<[UInt8]>([])
        let output = RecordOutput(digests: DigestSet(options.hash), sorted: true) { piece in
            lines.withLock { $0.append(contentsOf: piece) }
        }
        let held = Mutex<Resource?>(nil)
        let asked = Atomic<Int>(0)
        // Each file asks before it is read, and there are six other directories; eight workers have eight files each in
        // places. So some files lack a detector by then, and nobody is stuck for want of places before.
        let scan = try Scan(
            options, records: output,
            isCancelled: {
                if asked.add(1, ordering: .relaxed).newValue == 24 {
                    held.withLock { resource in
                        resource?.giveBack()
                        resource = nil
                    }
                }
                return false
            })
        if lacking {
            let resource = try #require(scan.context.content?.detectors?.resource)
            #expect(resource.countOut(), "there is one detector")
            held.withLock { $0 = resource }
        }
        let report = scan.run()
        output.finish(report)
        #expect(held.withLock { $0 == nil }, "no file asked while there was no detector")
        // The last one is the summary, which tells times.
        return (lines.withLock { $0.split(separator: UInt8(ascii: "\n")) }.dropLast(), report)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [[], [DigestAlgorithm.sha256]])
    func everyFileGetsItsTypeInTheEnd(hash: [DigestAlgorithm]) throws {
        let directory = try TemporaryDirectory(Self.tree)
        let alone = try records(directory.path) { $0.hash = hash }
        let contended = try records(directory.path, lacking: true) {
            ($0.hash, $0.pool, $0.detectors) = (hash, 8, 1)
        }
        let files = alone.report.mimeTypes.reduce(into: Int64(0)) { $0 += $1.counts.files }
        #expect(files == alone.report.totals.files)
        #expect(contended.report.mimeTypes.map(\.type) == alone.report.mimeTypes.map(\.type))
        let digests = [contended, alone].map { $0.report.roots.first?.digests?.map(\.hex) }
        #expect(digests[0] == digests[1])
        #expect(contended.report.errors.count == 0)
        #expect(contended.entries == alone.entries)
        #expect(alone.entries.count > 3_000)
    }

    /// The scan ends although nobody who waits has a detector yet.
    @Test(.timeLimit(.minutes(patience))) func aScanThatIsStoppedEndsWhileFilesWait() throws {
        let directory = try TemporaryDirectory(Self.tree)
        let asked = Atomic<Int>(0)
        var options = ScanOptions(paths: [directory.path.bytes], threads: 1)
        (options.mime, options.pool, options.detectors) = (true, 8, 1)
        let scan = try Scan(options, isCancelled: { asked.add(1, ordering: .relaxed).newValue > 500 })
        let report = scan.run()
        #expect(!report.complete)
        // Each file asks before it is read.
        let files = report.mimeTypes.reduce(into: Int64(0)) { $0 += $1.counts.files }
        #expect(files <= 500)
    }
}
