#if INTERLEAVING

import CLinux
import Synchronization

@testable import WorkStealing

/// A gate at which one thread waits until another opens it; it closes again.
final class Gate: Sendable {
    private let isOpen = Atomic<UInt32>(0)

    func open() {
        isOpen.store(1, ordering: .releasing)
        clinux_futex_wake(address, 1)
    }

    func wait() {
        while isOpen.exchange(0, ordering: .acquiring) == 0 { _ = clinux_futex_wait(address, 0, nil) }
    }

    private var address: UnsafeRawPointer { withUnsafePointer(to: isOpen) { UnsafeRawPointer($0) } }
}

/// One thread of an explored world: waits at each of its steps until the explorer gives it the turn.
///
/// `@unchecked Sendable`: as `Explorer`.
final class Lane: Conductor, @unchecked Sendable {
    let index: Int
    let gate = Gate()
    private(set) var pending = Lane.begin
    private let explorer: Explorer
    private var state = State.done
    private var body: (() -> Void)?
    private var thread = pthread_t()

    private enum State {
        case ready
        case waiting(() -> Bool)
        /// Continues when the run has more steps than this.
        case spinning(Int)
        case sleeping(on: UInt, hasLimit: Bool)
        case done
    }

    /// The first step of each lane, which is invisible to others.
    private static var begin: Explorer.Step { .init(access: .read, object: 1, source: "begin", line: 0) }

    init(_ index: Int, of explorer: Explorer) {
        self.index = index
        self.explorer = explorer
        super.init()
        let status = pthread_create(
            &thread, nil,
            { lane in
                Unmanaged<Lane>.fromOpaque(lane!).takeRetainedValue().live()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "no thread for a lane")
    }

    private func live() {
        clinux_set_conductor(Unmanaged.passUnretained(self).toOpaque())
        while true {
            gate.wait()
            guard runBody() else { return }
            state = .done
            explorer.passTurn(from: self)
        }
    }

    /// Separate, so that nothing of the world is held here when the turn is passed on.
    private func runBody() -> Bool {
        guard let body else { return false }
        body()
        self.body = nil
        return true
    }

    func prepare(_ body: @escaping () -> Void) {
        self.body = body
        pending = Self.begin
        state = .ready
    }

    /// Ends the thread. The lane must be done.
    func quit() {
        body = nil
        gate.open()
        pthread_join(thread, nil)
    }

    // MARK: For the explorer

    var isDone: Bool { if case .done = state { true } else { false } }
    var isSpinning: Bool { if case .spinning = state { true } else { false } }
    func isSleeping(on word: UInt) -> Bool { if case .sleeping(word, _) = state { true } else { false } }

    func canGoOn(_ steps: Int) -> Bool {
        switch state {
        case .ready: true
        case .waiting(let condition): condition()
        case .spinning(let since): steps > since
        case .sleeping(_, let hasLimit): hasLimit
        case .done: false
        }
    }

    func turnBegins(_ steps: Int) { state = .ready }

    func wakeUp() { state = .ready }

    // MARK: Conductor

    override func step(
        _ access: Access, on object: UInt, from source: StaticString, line: UInt, enabled: (() -> Bool)?
    ) {
        pending = .init(access: access, object: object, source: source, line: line)
        state = enabled.map { .waiting($0) } ?? .ready
        waitForTurn()
    }

    override func lock(_ object: UInt, from source: StaticString, line: UInt) {
        step(.write, on: object, from: source, line: line) { [unowned explorer] in !explorer.held.contains(object) }
        explorer.held.insert(object)
    }

    override func unlock(_ object: UInt) { explorer.held.remove(object) }

    override func spin(from source: StaticString, line: UInt) {
        pending = .init(access: .read, object: 2, source: source, line: line)
        state = .spinning(explorer.stepsTaken)
        waitForTurn()
    }

    override func sleep(on word: UInt, hasLimit: Bool, isUnchanged: () -> Bool) {
        step(.write, on: word, from: "futex wait", line: 0, enabled: nil)
        guard isUnchanged() else { return }
        pending = .init(access: .read, object: word, source: "awake", line: 0)
        state = .sleeping(on: word, hasLimit: hasLimit)
        waitForTurn()
    }

    override func wake(_ count: Int, on word: UInt) { explorer.wake(count, on: word) }

    private func waitForTurn() {
        if !explorer.passTurn(from: self) { gate.wait() }
    }
}

/// A step of the world itself, for the state that a test shares between lanes.
func step(_ access: Access, on object: AnyObject, from source: StaticString = #function, line: UInt = #line) {
    interleavingPoint(access, UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()), from: source, line: line)
}

/// Waits until `condition`, which is about `object`, is true.
func wait(for object: AnyObject, line: UInt = #line, until condition: @escaping () -> Bool) {
    wait(for: UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()), line: line, until: condition)
}

func wait(for identity: UInt, line: UInt = #line, until condition: @escaping () -> Bool) {
    interleavingPoint(.read, identity, from: "wait", line: line, enabled: condition)
}

#endif
