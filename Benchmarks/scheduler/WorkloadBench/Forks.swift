// The workloads as forks: a task is a closure on the stack of the function that makes it.

import WorkStealing

enum Forks {
    static let workloads = ["fib", "queens", "uts", "for"]

    static func run(_ workload: Workload, on scheduler: Scheduler) throws -> Int {
        try scheduler.run {
            switch workload {
            case .fib(let number): fib(number)
            case .queens(let size): place(Board(size: size))
            case .uts(let children): grow(UnbalancedNode(children: children))
            case .loop(let count): loop(count)
            case .pingpong, .fanin, .chain: fatalError("a fork sends no messages")
            }
        }
    }

    private static func fib(_ number: Int) -> Int {
        if number < 2 { return number }
        let (half, other) = Scheduler.fork({ fib(number - 1) }, { fib(number - 2) })
        return half + other
    }

    private static func place(_ board: Board) -> Int { board.isFull ? 1 : place(board, free: board.free) }

    /// A fork for each place but the last.
    private static func place(_ board: Board, free: UInt32) -> Int {
        if free == 0 { return 0 }
        let rest = free & (free - 1)
        let next = board.next(free ^ rest)
        if rest == 0 { return place(next) }
        let (first, others) = Scheduler.fork({ place(next) }, { place(board, free: rest) })
        return first + others
    }

    private static func grow(_ node: UnbalancedNode) -> Int {
        Scheduler.reduce(0..<node.children, from: 1, grain: 1, combining: +) { grow(node.child($0)) }
    }

    private static func loop(_ count: Int) -> Int {
        Scheduler.reduce(0..<count, from: 0, combining: { $0 &+ $1 }) { Workload.hashed($0) }
    }
}
