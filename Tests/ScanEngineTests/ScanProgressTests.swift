import Entries
import Glibc
import LinuxKernel
import ScanEngine
import Synchronization
import TestSupport
import Testing

@Suite struct ScanProgressTests {
    /// A worker may leave its place while it is asked for: the program ended with a trap.
    @Test func progressMayBeAskedForAtAnyMoment() throws {
        let directory = try TemporaryDirectory(Tree((0..<100).map { .directory("d\($0)", [.file("f", "x")]) }))
        let paths = Array(repeating: directory.path.bytes, count: 300)
        let scan = try Scan(ScanOptions(paths: paths, threads: 2))
        let isDone = Atomic<Bool>(false)
        let questions = Atomic<Int>(0)
        let asking = try #require(
            Thread.start {
                while !isDone.load(ordering: .relaxed) {
                    _ = scan.progress()
                    questions.add(1, ordering: .relaxed)
                }
            })
        let report = scan.run()
        isDone.store(true, ordering: .relaxed)
        pthread_join(asking, nil)
        #expect(report.totals.entries == 300 * 201)
        #expect(questions.load(ordering: .relaxed) > 0)
    }
}
