import Entries
import Formats
import Synchronization
import TestSupport
import Testing
import WorkStealing

@testable import ScanEngine

/// Fewer libmagic handles than workers: files wait for one, and the answers are the same.
@Suite struct LackOfDetectorsTests {
    /// All contents differ, so that no answer is cached. More names than fit into a few slices.
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

    /// - Parameters:
    ///   - lacking: no detector is available until a number of files have asked for one.
    ///   - noneStaysOpen: files that wait for a detector have to be reopened.
    private func records(
        _ path: ByteString, lacking: Bool = false, noneStaysOpen: Bool = false, _ change: (inout ScanOptions) -> Void
    ) throws -> (
        entries: ArraySlice<ArraySlice<UInt8>>, report: ScanReport
    ) {
        var options = ScanOptions(paths: [path.bytes], threads: 1)
        options.mime = true
        change(&options)
        let lines = Mutex<[UInt8]>([])
        let output = RecordOutput(.ndjson, for: options, sorted: true) { piece in
            lines.withLock { $0.append(contentsOf: piece) }
        }
        let held = Mutex<Resource?>(nil)
        let asked = Atomic<Int>(0)
        // Each file asks before it is read, and there are six other directories; eight workers have sixteen files each
        // in places. So some files lack a detector by then, and no worker is stuck for lack of places before.
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
        if noneStaysOpen {
            let places = try #require(scan.context.content?.openFiles)
            while places.countOut() {}
        }
        let report = scan.run()
        output.finish(report)
        #expect(held.withLock { $0 == nil }, "no file asked while there was no detector")
        // The last one is the summary, which tells times.
        return (lines.withLock { $0.split(separator: UInt8(ascii: "\n")) }.dropLast(), report)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [[], [DigestAlgorithm.sha256]], [false, true])
    func everyFileGetsItsTypeInTheEnd(hash: [DigestAlgorithm], noneStaysOpen: Bool) throws {
        let directory = try TemporaryDirectory(Self.tree)
        let alone = try records(directory.path) { $0.hash = hash }
        let contended = try records(directory.path, lacking: true, noneStaysOpen: noneStaysOpen) {
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

    /// The number of directories being read is limited to the room for their files: a file that is not kept open is
    /// opened and read up to three times, and asked about alone.
    @Test(.timeLimit(.minutes(patience))) func filesThatWaitForADetectorStayOpen() throws {
        let directory = try TemporaryDirectory(
            Tree((0..<500).map { .file(ByteString("name-\($0)"), ByteString("content \($0)\n")) }))
        let found = Mutex<SharedContent?>(nil)
        let hasRoom = Mutex<Bool?>(nil)
        let asked = Atomic<Int>(0)
        var options = ScanOptions(paths: [directory.path.bytes], threads: 1)
        (options.mime, options.pool, options.detectors) = (true, 8, 1)
        // Each file asks before it is read. Eight workers have sixteen files each in places, and none has a detector.
        let scan = try Scan(
            options,
            isCancelled: {
                guard asked.add(1, ordering: .relaxed).newValue == 100, let plan = found.withLock({ $0 }) else {
                    return false
                }
                let isFree = plan.openFiles.tryTake() != nil
                hasRoom.withLock { $0 = isFree }
                plan.detectors?.resource.giveBack()
                return false
            })
        let plan = try #require(scan.context.content)
        let resource = try #require(plan.detectors?.resource)
        #expect(resource.countOut(), "there is one detector")
        found.withLock { $0 = plan }
        let report = scan.run()
        #expect(hasRoom.withLock { $0 } == true)
        #expect(report.errors.count == 0 && report.mimeTypes.map(\.counts.files) == [500])
    }

    /// The scan ends although no waiting file has a detector yet.
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
