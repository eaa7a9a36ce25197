// `--sorted` in small worlds: memory for a few records, merges of two runs at a time, reads of a few bytes. Python's
// sort is the oracle for the order.

import CLinux
import Entries
import LinuxKernel
import Synchronization
import TestSupport
import Testing

@testable import ExternalSort
@testable import Formats
@testable import ScanEngine

@Suite struct RecordSorterTests {
    /// An input record: a root's index, and a path with an entry or an error.
    struct Arrival: Sendable {
        var root: Int
        var path: [UInt8]
        var operation: String?
    }

    /// Paths below "r" and "r/" with names around the bytes that sort next to a slash, entries and errors.
    private static func arrivals(_ count: Int) -> [Arrival] {
        let names =
            ["a", "a.b", "a!", "a-", "b", "\u{1}", "a\u{1}", "aa", "é"].map { Array($0.utf8) } + [[0xFF], [0x80]]
        var random = SeededGenerator(seed: 3)
        var seen = Set<[UInt8]>()
        var result: [Arrival] = []
        while result.count < count {
            let root = Int.random(in: 0...2, using: &random)
            var path = Array(["r", "r/", "r"][root].utf8)
            for _ in 0..<Int.random(in: 0...7, using: &random) {
                if path.last != 0x2F { path.append(0x2F) }
                path += names.randomElement(using: &random)!
            }
            if seen.insert([UInt8(root)] + path).inserted { result.append(Arrival(root: root, path: path)) }
            if Int.random(in: 0..<4, using: &random) == 0 {
                let operation = ["openat", "openat2", "read", "close"].randomElement(using: &random)
                result.append(Arrival(root: root, path: path, operation: operation))
            }
        }
        // One record that is longer than every buffer.
        let long = [UInt8](repeating: UInt8(ascii: "m"), count: 100_000)
        return (result + [Arrival(root: 1, path: Array("r/a/".utf8) + long)]).shuffled(using: &random)
    }

    private static func send(_ arrivals: some Sequence<Arrival>, to stream: any EntryStream) {
        let status = FileStatus()
        for arrival in arrivals {
            if let operation = arrival.operation {
                let error = ScanError(path: arrival.path, operation: operation, code: "EIO", message: "x")
                stream.error(root: arrival.root, error)
            } else {
                arrival.path.withUnsafeBytes {
                    stream.entry(root: arrival.root, path: $0, kind: .file, status: status, content: EntryContent())
                }
            }
        }
    }

    /// The lines of the records in the specified order.
    private static func pythonSorts(_ arrivals: [Arrival]) throws -> [UInt8] {
        let unsorted = CollectingSink()
        let output = RecordOutput(.ndjson, for: ScanOptions(paths: [], threads: 1), sorted: false) { unsorted.take($0) }
        let stream = output.makeStream()
        send(arrivals, to: stream)
        stream.flush()
        let program = """
            import base64, json, sys
            roots = [b'r', b'r/', b'r']
            def key(root, line):
                record = json.loads(line)
                path = base64.b64decode(record['path_b64']) if 'path_b64' in record else record['path'].encode()
                assert path.startswith(roots[root])
                below = [name for name in path[len(roots[root]):].split(b'/') if name]
                return root, below, record['type'], record.get('operation'), line
            lines = sys.stdin.buffer.read().splitlines(keepends=True)
            places = [int(digit) for digit in sys.argv[1]]
            assert len(lines) == len(places)
            for root, *_, line in sorted(map(key, places, lines)): sys.stdout.buffer.write(line)
            """
        let places = arrivals.map { String($0.root) }.joined()
        return try TestSupport.output(
            of: ["python3", "-c", ByteString(program), ByteString(places)],
            ProcessOptions { $0.input = unsorted.bytes })
    }

    /// Several processes scan, and one of them sorts and writes.
    @Test(arguments: [false, true]) func anotherProcessWritesTheSame(isSorted: Bool) throws {
        let arrivals = Self.arrivals(3_000)
        let options = ScanOptions(paths: [], threads: 1)
        let sink = CollectingSink()
        let writing = RecordOutput(.ndjson, for: options, sorted: isSorted) { sink.take($0) }
        let pieces = Mutex<[[UInt8]]>([])
        let passing = RecordOutput.passing(.ndjson, for: options, sorted: isSorted) { piece in
            pieces.withLock { $0.append(Array(piece)) }
        }
        let streams = [passing.makeStream(), passing.makeStream(), writing.makeStream()]
        for (index, stream) in streams.enumerated() {
            Self.send(arrivals.enumerated().filter { $0.offset % 3 == index }.map(\.element), to: stream)
            stream.flush()
        }
        let merging = writing.makeMergingStream()
        let all = pieces.withLock { $0 }
        #expect(all.count > 2)
        for piece in all { #expect(piece.withUnsafeBytes { merging.take($0) }) }
        merging.flush()
        writing.finishWithoutSummary()
        let sorted = try Self.pythonSorts(arrivals)
        if isSorted {
            #expect(sink.bytes == sorted)
        } else {
            let lines = { (bytes: [UInt8]) in
                bytes.split(separator: UInt8(ascii: "\n")).map(Array.init).sorted { $0.lexicographicallyPrecedes($1) }
            }
            #expect(lines(sink.bytes) == lines(sorted))
        }
    }

    @Test func whatIsCutOffIsNoRecord() {
        let arena = RecordArena()
        let path = Array("a/b".utf8)
        path.withUnsafeBytes { path in arena.append(root: 1, path: path, line: path) }
        var bytes: [UInt8] = []
        arena.withRecords { bytes = Array($0) }
        for count in 0...bytes.count {
            let taken = RecordArena()
            let isWhole = bytes.prefix(count).withUnsafeBytes { taken.append(records: $0) }
            #expect(isWhole == (count == 0 || count == bytes.count))
            #expect(taken.count == (count == bytes.count ? 1 : 0))
        }
        // A key that is shorter than the number of its PATH.
        bytes[0] = 3
        #expect(!bytes.withUnsafeBytes { RecordArena().append(records: $0) })
    }

    /// Slashes next to each other become NULs, and a key that has ended counts as NULs while eight bytes are compared.
    @Test func keysThatEndAreInOrderBesideThoseThatGoOnWithNULs() {
        let arena = RecordArena()
        var random = SeededGenerator(seed: 11)
        var expected: [(key: [UInt8], line: [UInt8])] = []
        for _ in 0..<3_000 {
            let path = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                Int.random(in: 0..<8, using: &random) == 0 ? UInt8(ascii: "a") : UInt8(ascii: "/")
            }
            let line = Array("\(Int.random(in: 0..<3, using: &random))".utf8)
            path.withUnsafeBytes { path in line.withUnsafeBytes { arena.append(root: 0, path: path, line: $0) } }
            expected.append(([0, 0, 0, 0] + path.map { $0 == UInt8(ascii: "/") ? 0 : $0 }, line))
        }
        arena.sort()
        expected.sort { left, right in
            left.key == right.key
                ? left.line.lexicographicallyPrecedes(right.line) : left.key.lexicographicallyPrecedes(right.key)
        }
        let records = (0..<arena.count).map { arena[$0] }
        #expect(records.map { Array($0.key) } == expected.map(\.key))
        #expect(records.map { Array($0.line) } == expected.map(\.line))
    }

    @Test func theOrderIsPythonsForAnyMemoryAndAnyNumberOfWorkers() async throws {
        let arrivals = Self.arrivals(6_000)
        let expected = try Self.pythonSorts(arrivals)
        for (memory, fanIn, bufferSize, workers, isSpilled) in [
            (64 << 20, 64, 1 << 16, 1, false), (64 << 20, 64, 1 << 16, 4, false), (1 << 18, 2, 64, 3, true),
            (1 << 17, 3, 8, 2, true), (0, 16, 4096, 2, true),
        ] {
            let directory = try TemporaryDirectory()
            let sink = CollectingSink()
            let output = RecordOutput(
                memoryLimit: memory, fanIn: fanIn, bufferSize: bufferSize, temporaryDirectory: directory.path
            ) { sink.take($0) }
            await withTaskGroup(of: Void.self) { group in
                let streams = (0..<workers).map { _ in UncheckedSendable(output.makeStream()) }
                for (worker, stream) in streams.enumerated() {
                    let share = arrivals.enumerated().filter { $0.offset % workers == worker }.map(\.element)
                    group.addTask {
                        Self.send(share.shuffled(), to: stream.value)
                        stream.value.flush()
                    }
                }
            }
            let runs = try #require(output.sorter).runCount
            #expect(isSpilled ? runs > 2 * fanIn : runs == 0)
            output.finish(ScanReport())
            #expect(output.failure == nil)
            #expect(sink.bytes.dropLast(sink.pieces.last ?? 0).elementsEqual(expected))
            #expect(try names(in: directory.descriptor) == [])
        }
    }

    /// As when workers come while others, with what was their share then, wait for a slow disk.
    @Test func whoComesLaterGetsNoMemoryThatOthersHold() throws {
        let (limit, streams) = (4 << 20, 12)
        let sorter = RecordSorter(memoryLimit: limit, temporaryDirectory: nil)
        var arenas: [RecordArena] = []
        var expected: [[UInt8]] = []
        var random = SeededGenerator(seed: 5)
        for _ in 0..<streams {
            sorter.addStream()
            let arena = RecordArena()
            arenas.append(arena)
            while arena.size + (64 << 10) < sorter.share {
                let path = (0..<200).map { _ in UInt8.random(in: 97...122, using: &random) }
                path.withUnsafeBytes { arena.append(root: 0, path: $0, line: $0) }
                expected.append(path)
                try sorter.makeRoom(in: arena)
                if arena.isEmpty { break }
            }
            #expect(arenas.reduce(0) { $0 + $1.size } <= limit + streams * RecordSorter.shortRun)
        }
        #expect(sorter.runCount > 0)
        for arena in arenas { try sorter.keep(arena) }
        var (merge, sorted) = (try sorter.takeMerge(), [[UInt8]]())
        while let record = merge.record {
            sorted.append(Array(record.line))
            try merge.advance()
        }
        #expect(sorted == expected.sorted { $0.lexicographicallyPrecedes($1) })
    }

    /// Workers that wait for each other's runs end, and lose nothing.
    @Test func manyStreamsWithLittleMemoryEnd() async throws {
        let sorter = RecordSorter(memoryLimit: 1 << 20, temporaryDirectory: nil)
        let (streams, records) = (16, 4_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for stream in 0..<streams {
                sorter.addStream()
                group.addTask {
                    let arena = RecordArena()
                    for index in 0..<records {
                        let path = Array("\(stream)/\(index)".utf8)
                        path.withUnsafeBytes { arena.append(root: 0, path: $0, line: $0) }
                        try sorter.makeRoom(in: arena)
                    }
                    try sorter.keep(arena)
                }
            }
            try await group.waitForAll()
        }
        var (merge, lines) = (try sorter.takeMerge(), Set<[UInt8]>())
        while let record = merge.record {
            lines.insert(Array(record.line))
            try merge.advance()
        }
        #expect(lines.count == streams * records)
    }

    @Test func flushingAgainAndAgainKeepsToTheMemoryLimit() throws {
        let sink = CollectingSink()
        let output = RecordOutput(memoryLimit: 1 << 18, fanIn: 8, bufferSize: 4096) { sink.take($0) }
        let stream = output.makeStream()
        for part in 0..<40 {
            Self.send([Arrival(root: 0, path: Array("r/\(part)".utf8))], to: stream)
            stream.flush()
        }
        // An arena has at least one block of 32 KiB: seven are kept, the others are runs.
        #expect(output.sorter?.runCount == 33)
        output.finish(ScanReport())
        #expect(sink.lines.count == 41)
    }

    @Test func aTemporaryDirectoryThatIsMissingIsAFailureOnceItIsNeeded() throws {
        let sink = CollectingSink()
        let output = RecordOutput(
            .ndjson, for: ScanOptions(paths: [], threads: 1), sorted: true, memoryLimit: 1 << 16,
            temporaryDirectory: Array("/nowhere".utf8)
        ) { sink.take($0) }
        let stream = output.makeStream()
        Self.send([Arrival(root: 0, path: [0x72])], to: stream)
        #expect(!output.failed)
        Self.send((0..<1_000).map { Arrival(root: 0, path: Array("r/\($0)".utf8)) }, to: stream)
        stream.flush()
        output.finish(ScanReport())
        let error = try #require(output.failure as? TemporaryFileError)
        #expect(error.code == "ENOENT")
        #expect(error.operation == "open")
        #expect(error.directory == Array("/nowhere".utf8))
        #expect(sink.bytes.isEmpty)
    }

    /// At a fresh run, and in the middle of a merge.
    @Test(.enabled(if: canMount, "\(mountObstacle ?? "")"), arguments: [2_000, 400])
    func aFullDiskIsAFailure(count: Int) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        let failure = try inMountNamespace {
            _ = try TestSupport.output(of: ["mount", "--make-rprivate", "/"])
            _ = try TestSupport.output(of: ["mount", "-t", "tmpfs", "-o", "size=200k", "none", path])
            let output = RecordOutput(
                memoryLimit: 1, fanIn: 2, bufferSize: 512, temporaryDirectory: path
            ) { _ in }
            let stream = output.makeStream()
            Self.send((0..<count).map { Arrival(root: 0, path: Array("r/\($0)".utf8)) }, to: stream)
            let isFullBefore = output.failed
            stream.flush()
            output.finish(ScanReport())
            return (isFullBefore, output.failure as? TemporaryFileError)
        }
        #expect(failure.0 == (count == 2_000))
        #expect(failure.1?.code == "ENOSPC")
        #expect(failure.1?.operation == "pwrite")
    }

    private final class Flag: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    /// While the records are written, and while runs are merged into longer ones.
    @Test(arguments: [false, true]) func aStopSignalEndsTheOutputOfSortedRecords(whileRunsAreMerged: Bool) throws {
        func written(_ isToBeStopped: Bool) throws -> (lines: [ArraySlice<UInt8>], summary: String) {
            let stop = Flag()
            stop.isSet.store(isToBeStopped && whileRunsAreMerged, ordering: .relaxed)
            let sink = CollectingSink()
            let sorter = RecordSorter(
                memoryLimit: whileRunsAreMerged ? 1 : 64 << 20, temporaryDirectory: nil, fanIn: 2, bufferSize: 512)
            let output = RecordOutput(
                .ndjson, for: ScanOptions(paths: [], threads: 1), sorter: sorter,
                grace: StopGrace(milliseconds: 0) { stop.isSet.load(ordering: .relaxed) }
            ) { piece in
                sink.take(piece)
                stop.isSet.store(isToBeStopped, ordering: .relaxed)
            }
            let stream = output.makeStream()
            Self.send((0..<1_500).map { Arrival(root: 0, path: Array("r/\($0)".utf8)) }, to: stream)
            stream.flush()
            output.finish(ScanReport())
            #expect(output.failure == nil)
            return (sink.lines.dropLast(), String(decoding: sink.lines.last ?? [], as: UTF8.self))
        }
        let (all, cut) = (try written(false), try written(true))
        #expect(all.lines.count == 1_500 && all.summary.contains(#""complete":true"#))
        #expect(whileRunsAreMerged ? cut.lines.isEmpty : (1..<1_500).contains(cut.lines.count))
        #expect(cut.lines.elementsEqual(all.lines.prefix(cut.lines.count)))
        #expect(cut.summary.contains(#""complete":false"#))
    }

    @Test func runsOutliveNothing() throws {
        let directory = try TemporaryDirectory()
        do {
            let output = RecordOutput(
                memoryLimit: 1, fanIn: 4, bufferSize: 512, temporaryDirectory: directory.path
            ) { _ in }
            Self.send(Self.arrivals(100), to: output.makeStream())
            #expect(try names(in: directory.descriptor) == [])
        }
        #expect(try names(in: directory.descriptor) == [])
    }
}

/// Handed to one other thread, and used only there.
private struct UncheckedSendable<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
