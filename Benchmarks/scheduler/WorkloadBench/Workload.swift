// The computations of the workloads, without the scheduling. workloads.go, workloads.cpp, workloads.py and tokio/ do
// the same, call for call; their results are compared.

/// One of the workloads, and its size.
enum Workload {
    /// Recursive Fibonacci: each call makes a task of one half and goes on with the other.
    case fib(Int)
    /// All solutions of N queens: each placement is a task.
    case queens(Int)
    /// An unbalanced tree: the root has this many children, every other node 8 or none. Each node is a task.
    case uts(Int)
    /// Two actors or tasks that answer each other this many times.
    case pingpong(Int)
    /// 1,000 senders that send this many messages in all to one receiver.
    case fanin(Int)
    /// A chain of this length: each link starts the next.
    case chain(Int)
    /// The sum over this many numbers, some of which take longer. A number has no task of its own.
    case loop(Int)

    init?(_ name: String, _ size: Int) {
        switch name {
        case "fib": self = .fib(size)
        case "queens": self = .queens(size)
        case "uts": self = .uts(size)
        case "pingpong": self = .pingpong(size)
        case "fanin": self = .fanin(size)
        case "chain": self = .chain(size)
        case "for": self = .loop(size)
        default: return nil
        }
    }

    static let senders = 1000

    /// The value that the loop adds for a number: up to 32 rounds of SplitMix64.
    static func hashed(_ number: Int) -> Int {
        var mixed = UInt64(number)
        for _ in 0...number % 32 {
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        }
        return Int(mixed >> 40)
    }
}

/// Queens on the first rows of a board: taken columns and diagonals, as bits.
struct Board {
    let size: UInt32
    private var columns: UInt32 = 0
    private var left: UInt32 = 0
    private var right: UInt32 = 0

    init(size: Int) { self.size = UInt32(size) }

    var isFull: Bool { columns == (1 << size) - 1 }

    /// Calls `body` with each board that has one queen more.
    func forEachNext(_ body: (Board) -> Void) {
        var free = free
        while free != 0 {
            let place = free & (~free + 1)
            free ^= place
            body(next(place))
        }
    }

    /// The places of the next row that no queen threatens.
    var free: UInt32 { ~(columns | left | right) & ((1 << size) - 1) }

    func next(_ place: UInt32) -> Board {
        var next = self
        next.columns |= place
        next.left = (left | place) << 1
        next.right = (right | place) >> 1
        return next
    }
}

/// A node of the unbalanced tree, a binomial tree: 12.3 % of the nodes have 8 children, decided by SplitMix64.
struct UnbalancedNode {
    let children: Int
    private let hash: UInt64

    /// The root.
    init(children: Int) {
        self.children = children
        hash = 19
    }

    private init(hash: UInt64) {
        self.hash = hash
        children = hash < UInt64.max / 1000 * 123 ? 8 : 0
    }

    func child(_ number: Int) -> UnbalancedNode {
        var mixed = hash &+ UInt64(number + 1) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return UnbalancedNode(hash: mixed ^ (mixed >> 31))
    }
}
