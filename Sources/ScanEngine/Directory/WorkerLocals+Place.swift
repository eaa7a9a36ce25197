import LinuxKernel

extension WorkerLocals {
    @inline(__always)  // a call for each entry otherwise
    func countPartially(_ status: borrowing FileStatus, _ kind: EntryKind, below root: Int) {
        if keepsPartial { partial?.count(status, kind, below: root, context.devices) }
    }

    /// Records the directory of the rest of this message.
    func isAt(_ directory: PathNode) { at.move(to: directory) }

    /// Records the file of the rest of this message.
    func isAt(_ path: EntryPath) {
        guard let name = path.name else { return isAt(path.directory) }
        name.withUnsafeBytes { at.move(to: path.directory, file: $0) }
    }

    /// Records that this message is over.
    func isDone() { at.move(to: nil) }
}
