import Glibc
import TestSupport
import Testing
import WorkStealing

/// The stacks of workers. A sanitizer makes frames larger, and handles SIGSEGV itself.
@Suite("Stacks of workers", .disabled(if: isSanitized, "frames of another size, another handler"))
struct StackTests {
    /// Uses this many bytes of the calling thread's stack, below `top`.
    @inline(never)
    @_optimize(none)
    static func use(_ bytes: Int, below top: UInt? = nil) {
        var place = bytes
        let here = withUnsafeMutablePointer(to: &place) { UInt(bitPattern: $0) }
        let top = top ?? here
        if top - here < UInt(bytes) { use(bytes, below: top) }
        place = 0
    }

    /// Runs `body` on a worker whose thread the scheduler created.
    static func onSecondWorker(of scheduler: Scheduler, _ body: @escaping @Sendable () -> Void) throws {
        let ran = Tally()
        @Sendable func again() {
            Counter(on: scheduler).send { _ in
                if Scheduler.currentWorkerIndex == 0 {
                    // The other one takes this one's work while it waits.
                    for _ in 0..<4 { again() }
                    while ran.value == 0 { sched_yield() }
                } else if ran.value == 0 {
                    body()
                    ran.add()
                }
            }
        }
        again()
        try scheduler.run()
        #expect(ran.value >= 1)
    }

    /// The stack used to be 1 MiB.
    @Test(.timeLimit(.minutes(patience)))
    func aWorkerHasEightMegabytesIfNothingElseIsSaid() throws {
        try Self.onSecondWorker(of: Scheduler(threads: 2)) { Self.use(7 << 20) }
    }

    @Test(.timeLimit(.minutes(patience)))
    func aWorkerHasTheStackThatItsSchedulerWasMadeWith() throws {
        try Self.onSecondWorker(of: Scheduler(threads: 2, stackSize: 32 << 20)) { Self.use(30 << 20) }
    }

    @Test(.timeLimit(.minutes(patience)))
    func aStackThatOverflowsSaysSo() async {
        let result = await #expect(processExitsWith: .signal(SIGSEGV), observing: [\.standardErrorContent]) {
            try StackTests.onSecondWorker(of: Scheduler(threads: 2, stackSize: 1 << 20)) { StackTests.use(2 << 20) }
        }
        let said = String(decoding: result?.standardErrorContent ?? [UInt8](), as: UTF8.self)
        #expect(said.contains("the stack of a worker overflowed, 1024 KiB"))
    }

    /// Other faults are not reported as overflow.
    @Test(.timeLimit(.minutes(patience)))
    func anotherFaultIsNotCalledAnOverflow() async {
        let result = await #expect(processExitsWith: .signal(SIGSEGV), observing: [\.standardErrorContent]) {
            try StackTests.onSecondWorker(of: Scheduler(threads: 2)) {
                UnsafeMutablePointer<Int>(bitPattern: 4096)!.pointee = 1
            }
        }
        let said = String(decoding: result?.standardErrorContent ?? [UInt8](), as: UTF8.self)
        #expect(!said.contains("overflowed"))
    }
}
