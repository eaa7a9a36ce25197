import CLinux
import Glibc
import Synchronization
import WorkStealing

/// Counts from any thread.
final class Tally: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .sequentiallyConsistent) }

    @discardableResult
    func add(_ amount: Int = 1) -> Int { count.add(amount, ordering: .sequentiallyConsistent).newValue }
}

/// Counts its own life as well as its messages. The counter and the flag belong to the actor: neither is atomic, so
/// that two workers inside would be detected (by ThreadSanitizer, too).
actor Counter: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private(set) var count = 0
    private(set) var intrusions = 0
    private var isInside = false
    private var next: [Int] = []
    private(set) var disorder = 0
    private let deaths: Tally?

    init(on scheduler: Scheduler, deaths: Tally? = nil) {
        mailbox = Mailbox(scheduler)
        self.deaths = deaths
    }

    deinit { deaths?.add() }

    func increment() {
        if isInside { intrusions += 1 }
        isInside = true
        count += 1
        isInside = false
    }

    /// The `number`th message of `sender`.
    func receive(_ number: Int, from sender: Int) {
        while next.count <= sender { next.append(0) }
        if next[sender] != number { disorder += 1 }
        next[sender] = number + 1
        increment()
    }
}

/// Records when it was freed.
final class Canary: Sendable {
    private let deaths: Tally
    init(_ deaths: Tally) { self.deaths = deaths }
    deinit { deaths.add() }
}

/// Runs `body` on a thread that belongs to no pool.
struct ForeignThread {
    private var thread = pthread_t()

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    init(_ body: @escaping @Sendable () -> Void) {
        let status = pthread_create(
            &thread, nil,
            { box in
                Unmanaged<Box>.fromOpaque(box!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        precondition(status == 0, "no thread")
    }

    func join() { pthread_join(thread, nil) }

    func detach() { pthread_detach(thread) }

    /// The kernel's number of the calling thread.
    static var currentID: Int { Int(gettid()) }

    /// Whether this process still has that thread. A joined thread leaves the list a moment after `pthread_join`.
    static func isAlive(_ id: Int) -> Bool {
        for _ in 0..<1000 {
            if access("/proc/self/task/\(id)", F_OK) != 0 { return false }
            usleep(1000)
        }
        return true
    }
}

/// The numbers of threads for every stress test: one, the likely number of cores, more, and odd.
let threadCounts = [1, 2, 3, 8]
