import CLinux
import Glibc
import Synchronization

/// A pair of full fences for two sides, one of which runs far more often. The frequent side pays nothing, the rare one
/// pays for a system call.
///
///     often:   store a;  light();  load b          seldom:   store b;  heavy();  load a
///
/// At least one of the two loads sees the other side's store, as with a full fence on both sides. membarrier(2) makes
/// every running thread of the process execute a fence; threads that do not run executed one when they stopped. If the
/// frequent side's fence comes after its store, the other side sees the store; if it comes before, the load that
/// follows sees the other's store.
///
/// Where the system has no such call, both are full fences. So they are with many processors, because the call
/// interrupts each processor that runs one of the threads, one caller after the other.
struct AsymmetricFence: Sendable {
    private let isAsymmetric = isWorthIt

    /// Whether there are few processors, the system has the call, and this process may use it.
    private static let isWorthIt = sysconf(Int32(_SC_NPROCESSORS_ONLN)) <= 8 && clinux_membarrier_register() == 0

    /// Asks the system now, and not when the first scheduler is made.
    static func prepare() { _ = isWorthIt }

    /// Costs 5 ns less than a full fence.
    @inline(__always)
    func light() {
        if isAsymmetric { clinux_compiler_fence() } else { atomicMemoryFence(ordering: .sequentiallyConsistent) }
    }

    /// Costs half a microsecond, and ten while another thread of the process runs, because it interrupts that thread.
    /// Traps if the call worked at first and a seccomp filter has forbidden it since: the light side cannot be switched
    /// any more.
    func heavy() {
        if isAsymmetric {
            var status = clinux_membarrier()
            // The kernel needs a little memory for it.
            while status == -ENOMEM { status = clinux_membarrier() }
            precondition(status == 0, "the system has taken membarrier(2) away")
        } else {
            atomicMemoryFence(ordering: .sequentiallyConsistent)
        }
    }
}
