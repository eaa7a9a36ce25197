import Entries
import LinuxKernel
import Synchronization
import TestSupport
import Testing

@testable import Formats
@testable import ScanEngine

@Suite struct RecordOutputTests {
    @Test func linesOfSeveralWorkersArriveWhole() async throws {
        let sink = CollectingSink()
        let output = RecordOutput(.ndjson, for: ScanOptions(paths: [], threads: 1), sorted: false) { sink.take($0) }
        output.begin(ScanOptions(paths: [Array("r".utf8)], threads: 4), version: "0.1.0", Timing())
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    let stream = output.makeStream()
                    let status = FileStatus()
                    for index in 0..<5_000 {
                        Array("r/\(worker)/\(index)".utf8).withUnsafeBytes {
                            stream.entry(root: 0, path: $0, kind: .file, status: status, content: EntryContent())
                        }
                    }
                    stream.error(root: 0, ScanError(path: [0x72], operation: "read", code: "EIO", message: "x"))
                    stream.flush()
                }
            }
        }
        output.finish(ScanReport())
        #expect(!output.failed)
        let lines = sink.lines
        let paths = Set(
            lines.dropFirst().dropLast().compactMap { $0.split(separator: UInt8(ascii: "\"")).dropFirst(7).first })
        #expect(lines.count == 2 + 4 * 5_001)
        #expect(paths.count == 4 * 5_000 + 1)
        #expect(lines.first?.starts(with: #"{"type":"header","#.utf8) == true)
        #expect(lines.last?.starts(with: #"{"type":"summary","#.utf8) == true)
        #expect(sink.bytes.last == UInt8(ascii: "\n"))
        // Besides the header and the summary, each stream writes a short piece at its end, and one each second.
        #expect(sink.pieces.max()! < RecordOutput.pieceSize + 1_000)
    }

    @Test(arguments: [false, true])
    func theFirstErrorOfTheSinkEndsTheOutput(sorted: Bool) {
        struct Full: Error, Equatable { var call: Int }
        let calls = Mutex(0)
        let output = RecordOutput(
            .ndjson, for: ScanOptions(paths: [], threads: 1), sorted: sorted, memoryLimit: 1 << 16
        ) { _ in
            try calls.withLock {
                $0 += 1
                if $0 > 1 { throw Full(call: $0) }
            }
        }
        output.begin(ScanOptions(paths: [], threads: 1), version: "0.1.0", Timing())
        #expect(!output.failed)
        let stream = output.makeStream()
        for _ in 0..<10_000 {
            [0x61].withUnsafeBytes {
                stream.entry(root: 0, path: $0, kind: .file, status: FileStatus(), content: EntryContent())
            }
        }
        stream.flush()
        output.finish(ScanReport())
        #expect(output.failed)
        #expect(output.failure as? Full == Full(call: 2))
        #expect(calls.withLock { $0 } == 2)
    }
}
