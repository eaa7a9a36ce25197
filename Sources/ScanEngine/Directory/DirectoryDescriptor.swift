// The descriptor of a directory that is still needed: for children that will be opened relative to it, and for slices
// of its entries that will be stat'ed.
//
//             publish                 evict (nobody borrows)            publish (restored)
//   absent ───────────▶ present ─────────────────────────────▶ absent ─────────────────────▶ present …
//                         │ borrow / giveBack, any number
//                         └── last need gone: take, close
//
// A directory is *needed* by its own listing, by each of its slices and by each child that has not been opened yet.
// When the last need ends, the descriptor is closed. When descriptors run short, those not in use are given up, the
// oldest first, and reopened when they are needed: see DescriptorBudget.

import LinuxKernel
import Synchronization

/// Holds a directory's descriptor while it is needed.
struct DirectoryDescriptor: ~Copyable, Sendable {
    /// Low half: the descriptor plus one, 0 while there is none. High half: the number of current users.
    ///
    /// Sequentially consistent, as is `needs`: the thread that restores a descriptor (`giveBack`, then looks at
    /// `needs`) and the thread that ends the last need (`needs`, then looks here) must not miss each other, or the
    /// descriptor would never be closed.
    private let state = Atomic<UInt64>(0)
    /// The number of needs. Starts with the directory's own listing.
    private let needs = Atomic<Int>(1)

    private static let oneUser: UInt64 = 1 << 32
    private static func number(in state: UInt64) -> Int32? {
        let encoded = UInt32(truncatingIfNeeded: state)
        return encoded == 0 ? nil : Int32(bitPattern: encoded &- 1)
    }

    var isNeeded: Bool { needs.load(ordering: .sequentiallyConsistent) > 0 }

    var isPresent: Bool { Self.number(in: state.load(ordering: .relaxed)) != nil }

    func need() { needs.wrappingAdd(1, ordering: .relaxed) }

    /// - Returns: true if that was the last need: the caller must close the descriptor (`take()`), if there is one.
    func needEnded() -> Bool { needs.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0 }

    /// Makes a descriptor available, with the caller as its first user.
    ///
    /// - Returns: false if there is one already; the caller keeps its own.
    func publish(_ number: Int32) -> Bool {
        state.compareExchange(
            expected: 0, desired: UInt64(UInt32(bitPattern: number) &+ 1) | Self.oneUser,
            ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// The descriptor, protected from being closed until `giveBack()`; nil if there is none.
    func borrow() -> Int32? {
        var observed = state.load(ordering: .relaxed)
        while let number = Self.number(in: observed) {
            let step = state.weakCompareExchange(
                expected: observed, desired: observed &+ Self.oneUser, ordering: .sequentiallyConsistent)
            if step.exchanged { return number }
            observed = step.original
        }
        return nil
    }

    func giveBack() { state.wrappingSubtract(Self.oneUser, ordering: .sequentiallyConsistent) }

    /// `giveBack()` for a user without a need: the last need may have ended meanwhile, and left the closing to this
    /// user.
    func giveBackUnneeded() {
        giveBack()
        if !isNeeded { _ = take() }
    }

    /// Takes the descriptor away, if there is one and it is not in use.
    func take() -> FileDescriptor? {
        let observed = state.load(ordering: .sequentiallyConsistent)
        guard let number = Self.number(in: observed), observed < Self.oneUser else { return nil }
        let step = state.compareExchange(expected: observed, desired: 0, ordering: .sequentiallyConsistent)
        return step.exchanged ? FileDescriptor(owning: number) : nil
    }
}
