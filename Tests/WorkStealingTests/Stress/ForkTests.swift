import Synchronization
import TestSupport
import Testing
import WorkStealing

/// Forks of all kinds, on one thread and on more than there are cores: each part runs once, and results and errors are
/// returned.
@Suite("Fork and join")
struct ForkTests {
    private static func fibonacci(_ number: Int) -> Int {
        if number < 2 { return number }
        let (one, other) = Scheduler.fork({ fibonacci(number - 1) }, { fibonacci(number - 2) })
        return one + other
    }

    @Test(arguments: threadCounts)
    func recursionGivesTheSerialResult(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        for _ in 0..<20 { #expect(try scheduler.run { Self.fibonacci(16) } == 987) }
    }

    @Test(arguments: threadCounts)
    func eachNumberIsVisitedOnce(threads: Int) throws {
        let visits = (0..<10_000).map { _ in Tally() }
        try Scheduler(threads: threads).run {
            Scheduler.parallelFor(0..<visits.count) { visits[$0].add() }
            Scheduler.parallelFor(0..<visits.count, grain: 1) { visits[$0].add() }
            Scheduler.parallelFor(5..<5) { _ in Issue.record("an empty range has no number") }
        }
        #expect(visits.allSatisfy { $0.value == 2 })
    }

    @Test(arguments: threadCounts)
    func elementsAreChangedInPlace(threads: Int) throws {
        let squares = try Scheduler(threads: threads).run {
            var numbers = Array(0..<5000)
            Scheduler.parallelFor(changing: &numbers, grain: 7) { index, number in number *= index }
            return numbers
        }
        #expect(squares == (0..<5000).map { $0 * $0 })
    }

    /// Joining strings is associative, and not commutative.
    @Test(arguments: threadCounts)
    func valuesAreCombinedInOrder(threads: Int) throws {
        for grain in [nil, 1, 3, 1000] {
            let text = try Scheduler(threads: threads).run {
                Scheduler.reduce(0..<500, from: ">", grain: grain, combining: +) { "\($0)," }
            }
            #expect(text == (0..<500).reduce(">") { $0 + "\($1)," })
        }
        let nothing = try Scheduler(threads: threads).run { Scheduler.reduce(3..<3, from: 7, combining: +) { $0 } }
        #expect(nothing == 7)
    }

    /// Halves that wait for each other, as deep as there are threads.
    @Test(.timeLimit(.minutes(patience)))
    func anotherWorkerTakesTheSecondHalf() throws {
        let begun = Tally()
        try Scheduler(threads: 4).run {
            Scheduler.parallelFor(0..<4, grain: 1) { _ in
                begun.add()
                while begun.value < 4 {}
            }
        }
        #expect(begun.value == 4)
    }

    /// The first half sends messages, so that the second no longer lies at the end of the deque.
    @Test(arguments: threadCounts)
    func messagesThatAForkSendsAreDelivered(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let received = Tally()
        let counter = Counter(on: scheduler)
        counter.send { _ in
            Scheduler.parallelFor(0..<200, grain: 1) { _ in
                Counter(on: scheduler).send { _ in received.add() }
            }
        }
        try scheduler.run()
        #expect(received.value == 200)
    }

    @Test(arguments: threadCounts)
    func actorsAndTasksFork(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let sum = Tally()
        for _ in 0..<50 { Counter(on: scheduler).send { _ in sum.add(Self.fibonacci(10)) } }
        for _ in 0..<50 { scheduler.spawn { sum.add(Self.fibonacci(10)) } }
        try await Self.onForeignThread { try scheduler.run() }
        #expect(sum.value == 100 * 55)
    }

    private static func onForeignThread(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withUnsafeThrowingContinuation { continuation in
            ForeignThread { continuation.resume(with: Result(catching: body)) }.detach()
        }
    }

    @Test
    func outsideOfAPoolOneComesAfterTheOther() {
        var log = [0]
        let (length, two) = Scheduler.fork(
            {
                log.append(1)
                return log.count
            }, { "two" })
        #expect(length == 2 && two == "two" && log == [0, 1])
        #expect(Self.fibonacci(10) == 55)
        #expect(Scheduler.reduce(0..<10, from: 0, combining: +) { $0 } == 45)
        #expect(!Scheduler.isForkCancelled)
    }

    // MARK: Errors

    private struct Failed: Error, Equatable { let number: Int }

    @Test(arguments: threadCounts)
    func errorsComeOutTyped(threads: Int) throws {
        try Scheduler(threads: threads).run {
            #expect(Self.failure(ofFirst: 1, ofSecond: nil) == 1)
            #expect(Self.failure(ofFirst: nil, ofSecond: 2) == 2)
            #expect(Self.failure(ofFirst: 1, ofSecond: 2) == 1)
            #expect(Self.failure(ofFirst: nil, ofSecond: nil) == nil)
            #expect(throws: Failed(number: 77)) {
                try Scheduler.parallelFor(0..<100, grain: 1) { if $0 == 77 { throw Failed(number: $0) } }
            }
            #expect(throws: Failed(number: 3)) {
                try Scheduler.reduce(0..<100, from: 0, combining: +) { try Self.refuse($0, if: $0 == 3) }
            }
        }
    }

    /// The number of the returned error. The compiler knows its type.
    private static func failure(ofFirst first: Int?, ofSecond second: Int?) -> Int? {
        do throws(Failed) {
            let (one, two) = try Scheduler.fork(
                { () throws(Failed) in try refuse(first ?? 10, if: first != nil) },
                { () throws(Failed) in try refuse(second ?? 20, if: second != nil) })
            return one + two == 30 ? nil : -1
        } catch { return error.number }
    }

    private static func refuse(_ number: Int, if isBad: Bool) throws(Failed) -> Int {
        if isBad { throw Failed(number: number) }
        return number
    }

    /// On one thread it is known which parts have begun: those before the error.
    @Test
    func afterAnErrorNothingMoreBegins() throws {
        let begun = Tally()
        try Scheduler(threads: 1).run {
            #expect(throws: Failed.self) {
                try Scheduler.parallelFor(0..<1000, grain: 1) {
                    begun.add()
                    if $0 == 9 { throw Failed(number: 9) }
                }
            }
            #expect(throws: Failed.self) {
                _ = try Scheduler.fork({ throw Failed(number: 0) }, { begun.add() })
            }
        }
        #expect(begun.value == 10)
    }

    @Test(arguments: threadCounts)
    func anErrorOfTheBodyEndsTheRun(threads: Int) {
        let scheduler = Scheduler(threads: threads)
        #expect(throws: Failed(number: 5)) { try scheduler.run { throw Failed(number: 5) } }
        // The scheduler is still usable.
        #expect((try? scheduler.run { 6 }) == 6)
    }

    @Test
    func messagesOfTheBodyArePartOfTheRun() throws {
        let scheduler = Scheduler(threads: 2)
        let received = Tally()
        let value = try scheduler.run {
            for _ in 0..<100 { Counter(on: scheduler).send { _ in received.add() } }
            return received
        }
        #expect(value.value == 100)
    }

    // MARK: Cancellation

    /// Each part continues until it is cancelled, on whichever worker it is.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func cancellingTheTaskOrTheRunReachesEachPart(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (begun, ended) = (Tally(), Tally())
        let work = scheduler.spawn {
            try Scheduler.parallelFor(0..<16, grain: 1) { _ in
                begun.add()
                while !Scheduler.isForkCancelled {}
                ended.add()
                throw CancellationError()
            }
        }
        let cancelling = ForeignThread {
            while begun.value == 0 {}
            if threads % 2 == 0 { work.cancel() } else { scheduler.cancel() }
        }
        try scheduler.run()
        cancelling.join()
        #expect(begun.value == ended.value)
        #expect(begun.value >= 1)
    }

    // MARK: Isolation

    /// While an actor waits for the other half, its worker runs the half of another fork, which is not in the actor.
    @Test(.timeLimit(.minutes(patience)))
    func aHelpingWorkerIsNotInTheWaitingActor() throws {
        let scheduler = Scheduler(threads: 2)
        let (begun, helped, inside) = (Tally(), Tally(), Tally())
        Counter(on: scheduler).send { actor in
            let me: Counter = actor
            _ = Scheduler.fork(
                { while begun.value == 0 {} },
                {
                    begun.add()
                    // This worker does not get to its second half, so the actor's worker must.
                    _ = Scheduler.fork(
                        { while helped.value == 0 {} },
                        {
                            if me.isIsolatingCurrentContext() == true { inside.add() }
                            helped.add()
                        })
                })
            actor.preconditionIsolated()
        }
        try scheduler.run()
        #expect(helped.value == 1)
        #expect(inside.value == 0)
    }
}
