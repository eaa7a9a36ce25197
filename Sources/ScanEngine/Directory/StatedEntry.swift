import LinuxKernel

/// The status of an entry, for a message or an actor: see `NamedEntry`.
final class StatedEntry: Sendable {
    let status: FileStatus
    /// False for a directory that is a mount point under `-x`: it is counted as an entry, but not listed.
    let isToBeListed: Bool

    init(_ status: FileStatus, isToBeListed: Bool = true) {
        self.status = status
        self.isToBeListed = isToBeListed
    }
}
