import Entries
import LinuxKernel
import Synchronization
import TestSupport
import Testing
import WorkStealing

@testable import ScanEngine

/// Directories whose files are read have places, even if they had to wait for a descriptor.
@Suite struct DirectoryPlaceTests {
    private static func options(_ paths: [ByteString], pool: Int) -> ScanOptions {
        var options = ScanOptions(paths: paths.map(\.bytes), threads: 1)
        (options.mime, options.gitignore, options.pool) = (true, true, pool)
        return options
    }

    private static func isFree(_ resource: Resource) -> Bool { resource.tryTake() != nil }

    /// It continued without one, while others had them all. However many directories wait, the limit must hold.
    @Test(.enabled(if: canUseFUSE, "\(fuseObstacle ?? "")"), .timeLimit(.minutes(patience)))
    func aDirectoryWhoseGitignoreHadToWaitKeepsItsPlace() throws {
        let lines = (0..<6).flatMap {
            ["d\($0) dir", "d\($0)/.gitignore file open=EMFILE@3", "d\($0)/f file size=20 count=12"]
        }
        try FaultyTree(lines).mounted { path in
            let places = Mutex<Resource?>(nil)
            let files = Atomic<Int>(0)
            let withoutPlace = Atomic<Int>(0)
            var environment = ScanEnvironment()
            environment.outputs = [
                EntryWatch { _, kind, _ in
                    guard kind == .file, let resource = places.withLock({ $0 }) else { return }
                    files.add(1, ordering: .relaxed)
                    if Self.isFree(resource) { withoutPlace.add(1, ordering: .relaxed) }
                }
            ]
            let scan = try Scan(Self.options([path], pool: 1), environment)
            let resource = try #require(scan.context.content?.directories)
            #expect(resource.limit == 1)
            places.withLock { $0 = resource }
            let report = scan.run()
            let hadToWait = scan.context.descriptors.hasGivenUp
            #expect(hadToWait)
            #expect(report.errors.count == 0 && report.totals.files == 6 * 13)
            #expect(files.load(ordering: .relaxed) == 6 * 13)
            #expect(withoutPlace.load(ordering: .relaxed) == 0)
            #expect(Self.isFree(resource), "a place was not handed back")
        }
    }

    /// It waited for a place although its descriptor could not be given up meanwhile, while the holders of the places
    /// may wait for one.
    @Test(.timeLimit(.minutes(patience))) func aLargeDirectoryDoesNotWaitForAPlaceWhileDescriptorsAreShort() throws {
        // More names than fit into the buffers of two messages.
        let directory = try TemporaryDirectory([
            .directory(
                "large", Tree((0..<1_500).map { .file(ByteString(String(repeating: "x", count: 200) + "\($0)")) })),
            .file("other"),
        ])
        // Holds the only place from the opening of the directory until the other PATH is found, which comes after it:
        // the newest comes first.
        let held = Mutex<DirectoryPlace?>(nil)
        let isTaken = Atomic<Bool>(false)
        let looksWithoutPlace = Atomic<Int>(0)
        let (large, other) = (directory.appending("large"), directory.appending("other"))
        let listedBefore = Mutex<Int?>(nil)
        var environment = ScanEnvironment()
        environment.isCancelled = {
            // Checked before each full buffer.
            let place = WorkerLocals.current.place
            if isTaken.load(ordering: .relaxed) {
                if place == nil { looksWithoutPlace.add(1, ordering: .relaxed) }
            } else if let place, listedBefore.withLock({ $0 == nil }) {
                held.withLock { $0 = place }
                isTaken.store(true, ordering: .relaxed)
            }
            return false
        }
        environment.outputs = [
            EntryWatch { path, _, _ in
                guard path == other else { return }
                listedBefore.withLock { $0 = looksWithoutPlace.load(ordering: .relaxed) }
                held.withLock { $0 = nil }
            }
        ]
        let scan = try Scan(Self.options([other, large], pool: 1), environment)
        // As if descriptors had been short before: there is none to give up yet.
        let hasGivenUp = scan.context.descriptors.giveUpOldest()
        #expect(!hasGivenUp)
        let report = scan.run()
        #expect(report.errors.count == 0 && report.totals.entries == 1_502)
        // The other PATH itself checks twice.
        #expect(try #require(listedBefore.withLock { $0 }) >= 2 + 5)
        let places = try #require(scan.context.content?.directories)
        #expect(Self.isFree(places), "a place was not handed back")
    }
}
