import CLinux
import LinuxKernel

extension Scheduler {
    /// The default number of threads: as many as this process may use. The affinity mask, lowered to the limit of the
    /// control groups, rounded up; 1 to 1024. Read at each call.
    public static var defaultThreads: Int {
        let affinity = max(1, Int(clinux_affinity_count()))
        let limit = CPULimit().processors.map { Int(min($0, 1024).rounded(.up)) } ?? 1024
        return max(1, min(affinity, limit, 1024))
    }
}
