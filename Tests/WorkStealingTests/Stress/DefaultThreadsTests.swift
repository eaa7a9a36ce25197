import Glibc
import TestSupport
import Testing
import WorkStealing

/// The default number of threads. (fsscan's `--threads` tests cover the limits of control groups.)
@Suite("Default number of threads")
struct DefaultThreadsTests {
    @Test
    func itIsWhatTheProcessMayUse() async {
        #expect(Scheduler().threads == Scheduler.defaultThreads)
        await #expect(processExitsWith: .exitCode(1)) {
            // 1,024 processors; Swift does not see these calls.
            typealias Call = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> CInt
            let get = unsafeBitCast(dlsym(nil, "sched_getaffinity"), to: Call.self)
            let set = unsafeBitCast(dlsym(nil, "sched_setaffinity"), to: Call.self)
            var mask = [UInt64](repeating: 0, count: 16)
            guard get(0, 128, &mask) == 0, let word = mask.firstIndex(where: { $0 != 0 }) else { exit(100) }
            // The first allowed processor, and no other.
            let first = mask[word] & (~mask[word] &+ 1)
            mask = [UInt64](repeating: 0, count: 16)
            mask[word] = first
            guard set(0, 128, &mask) == 0 else { exit(101) }
            exit(Int32(Scheduler().threads))
        }
    }
}
