import CLinux
import LinuxKernel
import ScanEngine

/// How many workers run when `--threads` does not say: as many as this process may use.
enum DefaultThreads {
    /// The affinity mask, lowered to what the control group grants, rounded up; 1 to 1024.
    static func count() -> Int {
        let affinity = max(1, Int(clinux_affinity_count()))
        let limit = CPULimit().processors.map { Int(min($0, 1024).rounded(.up)) } ?? 1024
        return max(1, min(affinity, limit, 1024))
    }
}
