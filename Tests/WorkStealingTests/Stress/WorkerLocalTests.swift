import TestSupport
import Testing
import WorkStealing

/// Buffers of single workers.
@Suite("Values of a worker")
struct WorkerLocalTests {
    /// Not copyable, and reports when it is freed.
    private struct Buffer: ~Copyable {
        var uses = 0
        let worker: Int
        let made: Tally
        let sum: Tally

        init(_ worker: Int, made: Tally, sum: Tally) {
            (self.worker, self.made, self.sum) = (worker, made, sum)
            made.add()
        }

        deinit { sum.add(uses) }
    }

    /// Not `Sendable`. (A class would choose the initializer that only this package sees.)
    private struct Cell {
        private final class Storage { var value = 0 }
        private let storage = Storage()
        var value: Int {
            get { storage.value }
            nonmutating set { storage.value = newValue }
        }
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func eachWorkerHasItsOwn(threads: Int) throws {
        let (made, sum, strangers) = (Tally(), Tally(), Tally())
        do {
            let scheduler = Scheduler(threads: threads, workerLocal: { Buffer($0, made: made, sum: sum) })
            for _ in 0..<1000 {
                Counter(on: scheduler).send { counter in
                    Scheduler.withWorkerLocal(as: Buffer.self) { buffer in
                        buffer.uses += 1
                        if buffer.worker != Scheduler.currentWorkerIndex { strangers.add() }
                        counter.increment()
                    }
                }
                scheduler.spawn { Scheduler.withWorkerLocal { (buffer: inout sending Buffer) in buffer.uses += 1 } }
            }
            try scheduler.run()
            #expect((1...threads).contains(made.value))
        }
        #expect(sum.value == 2000)
        #expect(strangers.value == 0)
    }

    @Test(.timeLimit(.minutes(patience)))
    func itReturnsAndRethrowsTheResultOfItsBody() throws {
        struct Oops: Error, Equatable {}
        let scheduler = Scheduler(threads: 1, workerLocal: { _ in Cell() })
        let seen = Tally()
        for _ in 0..<3 {
            Counter(on: scheduler).send { _ in
                seen.add(
                    Scheduler.withWorkerLocal(as: Cell.self) { cell in
                        cell.value += 1
                        return cell.value
                    })
                #expect(throws: Oops()) { try Scheduler.withWorkerLocal(as: Cell.self) { _ in throw Oops() } }
            }
        }
        try scheduler.run()
        #expect(seen.value == 6)
    }

    // MARK: What the compiler refuses

    private static let programs: [(name: String, isRefused: Bool, body: String)] = [
        ("used inside", false, "Scheduler.withWorkerLocal(as: Cell.self) { $0.value += 1 }"),
        ("a copy returned", false, "let value = Scheduler.withWorkerLocal(as: Cell.self) { $0.value }; print(value)"),
        (
            "taken to a task", true,
            "Scheduler.withWorkerLocal(as: Cell.self) { cell in let kept = cell; Task.detached { kept.value += 1 } }"
        ),
        (
            "kept in a variable", true,
            "var kept: Cell?; Scheduler.withWorkerLocal(as: Cell.self) { kept = $0 }; print(kept as Any)"
        ),
        ("returned", true, "let kept = Scheduler.withWorkerLocal(as: Cell.self) { $0 }; print(kept)"),
        ("kept in the actor", true, "Scheduler.withWorkerLocal(as: Cell.self) { actor.kept = $0 }"),
        (
            "kept across a yield", true,
            "await Scheduler.withWorkerLocal(as: Cell.self) { cell in await Scheduler.yield(); cell.value += 1 }"
        ),
    ]

    /// Each with the compiler that built this test.
    @Test(.timeLimit(.minutes(patience)), arguments: programs.indices)
    func theCompilerDoesNotLetItOut(index: Int) throws {
        let program = Self.programs[index]
        let directory = try TemporaryDirectory()
        let source = directory.path + "/program.swift"
        let text = """
            import WorkStealing
            final class Cell { var value = 0 }
            actor User: MailboxActor {
                nonisolated let mailbox: Mailbox
                nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
                var kept: Cell?
                init(on scheduler: Scheduler) { mailbox = Mailbox(scheduler) }
                func use() { let actor = self; \(program.body.contains("await") ? "" : program.body); _ = actor }
            }
            func use() async { \(program.body.contains("await") ? program.body : "") }
            """
        _ = try output(of: ["sh", "-c", "cat >\"$0\" <<'END'\n" + ByteString(text) + "\nEND", source])
        // Where the test bundle is.
        let build = try output(of: ["sh", "-c", "dirname \"$(readlink /proc/$PPID/exe)\""])
        let directoryOfBuild = ByteString(build.dropLast())
        let outcome = try run([
            // Not -typecheck: the check that values are not shared comes later.
            "swiftc", "-c", "-o", source + ".o", "-parse-as-library", "-swift-version", "6", "-I",
            directoryOfBuild + "/Modules", "-Xcc",
            "-fmodule-map-file=" + directoryOfBuild + "/CLinux.build/module.modulemap", source,
        ])
        #expect((outcome.status != 0) == program.isRefused, "\(program.name): \(outcome.errorText)")
    }
}
