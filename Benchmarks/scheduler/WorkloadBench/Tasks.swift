// The workloads as `async` functions: on this package's pool, and the same code on Swift's own executor.

import WorkStealing

enum Tasks {
    /// - Parameter executor: the pool that the caller runs on; nil: Swift's own.
    static func run(_ workload: Workload, on executor: (any TaskExecutor)?) async -> Int {
        switch workload {
        case .fib(let number): await fib(number)
        case .queens(let size): await place(Board(size: size))
        case .uts(let children): await grow(UnbalancedNode(children: children))
        case .pingpong(let count): await pingpong(count)
        case .fanin(let count): await fanin(count)
        case .chain(let count): await chain(count, on: executor)
        case .loop: fatalError("a task for each number is no loop")
        }
    }

    @concurrent
    private static func fib(_ number: Int) async -> Int {
        guard number >= 2 else { return number }
        async let half = fib(number - 1)
        let other = await fib(number - 2)
        return await half + other
    }

    @concurrent
    private static func place(_ board: Board) async -> Int {
        if board.isFull { return 1 }
        return await withTaskGroup(of: Int.self) { group in
            board.forEachNext { next in group.addTask { await place(next) } }
            return await group.reduce(0, +)
        }
    }

    @concurrent
    private static func grow(_ node: UnbalancedNode) async -> Int {
        guard node.children > 0 else { return 1 }
        return await withTaskGroup(of: Int.self) { group in
            for number in 0..<node.children { group.addTask { await grow(node.child(number)) } }
            return await group.reduce(1, +)
        }
    }

    /// Two tasks and two channels.
    private static func pingpong(_ count: Int) async -> Int {
        let (there, back) = (Channel<Int>(capacity: 0), Channel<Int>(capacity: 0))
        async let pong = answer(there, back)
        var sent = 0
        while sent < count / 2 {
            try? await there.send(sent)
            sent += 1
            _ = await back.receive()
        }
        there.finish()
        return await sent + pong
    }

    @concurrent
    private static func answer(_ there: Channel<Int>, _ back: Channel<Int>) async -> Int {
        var answers = 0
        for await value in there {
            try? await back.send(value)
            answers += 1
        }
        return answers
    }

    private static func fanin(_ count: Int) async -> Int {
        let channel = Channel<Int>(capacity: 64)
        return await withTaskGroup(of: Void.self) { group in
            for _ in 0..<Workload.senders {
                group.addTask { for _ in 0..<(count / Workload.senders) { try? await channel.send(1) } }
            }
            var sum = 0
            for _ in 0..<count { sum += await channel.receive() ?? 0 }
            return sum
        }
    }

    /// A task that starts the next and does not wait for it; the last one tells.
    private static func chain(_ count: Int, on executor: (any TaskExecutor)?) async -> Int {
        let end = Channel<Int>(capacity: 1)
        link(count, of: count, end, on: executor)
        return await end.receive() ?? 0
    }

    private static func link(
        _ left: Int, of count: Int, _ end: Channel<Int>, on executor: (any TaskExecutor)?
    ) {
        Task(executorPreference: executor) {
            if left > 1 { link(left - 1, of: count, end, on: executor) } else { try? await end.send(count) }
        }
    }
}
