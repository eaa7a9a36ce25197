// The workloads as actors and messages. A task is an actor that receives one message, makes its children, and adds up
// what they send back.

import Synchronization
import WorkStealing

enum Actors {
    static func run(_ workload: Workload, on scheduler: Scheduler) throws -> Int {
        let result = Total()
        let root = Sum(on: scheduler, result)
        switch workload {
        case .fib(let number):
            root.send { $0.fib(number) }
        case .queens(let size):
            root.send { $0.place(Board(size: size)) }
        case .uts(let children):
            root.send { $0.grow(UnbalancedNode(children: children)) }
        case .pingpong(let count):
            let (ping, pong) = (Player(on: scheduler, result), Player(on: scheduler, result))
            ping.send { $0.play(count, with: pong) }
        case .fanin(let count):
            let sink = Player(on: scheduler, result)
            for _ in 0..<Workload.senders {
                Player(on: scheduler, result).send { _ in
                    for _ in 0..<(count / Workload.senders) { sink.send { $0.receive() } }
                }
            }
            try scheduler.run()
            sink.send { $0.report() }
        case .chain(let count):
            Player(on: scheduler, result).send { $0.link(count) }
        case .loop:
            fatalError("an actor for each number is no loop")
        }
        try scheduler.run()
        return result.value
    }
}

/// What a run computed. One actor writes it, at the end.
final class Total: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .relaxed) }
    func set(_ value: Int) { number.store(value, ordering: .relaxed) }
    func add(_ value: Int) { number.add(value, ordering: .relaxed) }
}

/// A task of the fork-join workloads.
private actor Sum: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// The actor that waits for the sum; nil at the root.
    private var parent: Sum?
    private let total: Total?
    private var pending = 0
    private var sum = 0

    init(on scheduler: Scheduler, _ total: Total) {
        mailbox = Mailbox(scheduler)
        (parent, self.total) = (nil, total)
    }

    private init(parent: Sum) {
        mailbox = Mailbox(beside: parent.mailbox)
        (self.parent, total) = (parent, nil)
    }

    func fib(_ number: Int) {
        var rest = number
        while rest >= 2 {
            let half = rest - 1
            fork(half) { $0.fib($1) }
            rest -= 2
        }
        end(adding: rest)
    }

    func place(_ board: Board) {
        board.forEachNext { next in fork(next) { $0.place($1) } }
        end(adding: board.isFull ? 1 : 0)
    }

    func grow(_ node: UnbalancedNode) {
        for number in 0..<node.children { fork(node.child(number)) { $0.grow($1) } }
        end(adding: 1)
    }

    private func fork<Part: BitwiseCopyable & Sendable>(
        _ part: Part, _ body: @escaping @Sendable (isolated Sum, Part) -> Void
    ) {
        pending += 1
        Sum(parent: self).sendConsuming(part, body)
    }

    private func childEnded(_ value: Int) {
        pending -= 1
        end(adding: value)
    }

    private func end(adding value: Int) {
        sum += value
        guard pending == 0 else { return }
        if let parent = parent.take() {
            parent.sendConsuming(sum) { $0.childEnded($1) }
        } else {
            total?.add(sum)
        }
    }
}

private actor Player: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    private let total: Total
    private var count = 0

    init(on scheduler: Scheduler, _ total: Total) {
        mailbox = Mailbox(scheduler)
        self.total = total
    }

    private init(beside other: Player) {
        mailbox = Mailbox(beside: other.mailbox)
        total = other.total
    }

    func play(_ left: Int, with other: Player) {
        count += 1
        if left > 1 {
            other.send { $0.play(left - 1, with: self) }
        } else {
            // Both have played: half of the messages each, give or take one.
            total.add(count)
            other.send { $0.report() }
        }
    }

    func receive() { count += 1 }

    func report() { total.add(count) }

    func link(_ left: Int) {
        if left > 1 {
            Player(beside: self).sendConsuming(left - 1) { $0.link($1) }
        }
        total.add(1)
    }
}
