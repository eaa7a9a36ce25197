import CLinux
import LinuxKernel

extension Directory {
    /// A descriptor of this directory, reopened if it had been given up. Call `descriptor.giveBack()` afterwards.
    ///
    /// The caller must hold a need of this directory.
    ///
    /// - Parameter identity: the identity of this directory when it was first opened.
    nonisolated func borrowDescriptor(_ identity: DeviceInode, _ worker: WorkerLocals) throws(Errno) -> Int32 {
        while true {
            if let number = descriptor.borrow() { return number }
            let reopened = try reopenFromAbove(worker)
            guard try worker.identity(of: reopened.number) == identity else { throw .stale }
            let number = reopened.number
            if descriptor.publish(number) {
                _ = reopened.release()
                worker.context.descriptors.keep(self, number)
                return number
            }
        }
    }

    /// A child has been opened: it does not need this descriptor any more. The last one closes it.
    ///
    /// Nothing is restored here, because the child has a descriptor now; closing that one restores this.
    nonisolated func childWasOpened() {
        if descriptor.needEnded() { _ = descriptor.take() }
    }

    /// Ends a need for the descriptor. The last one closes it, and opens that of a directory above through it if others
    /// wait for one.
    nonisolated func descriptorNeedEnded(_ worker: WorkerLocals) {
        // There are no needs, so it is not borrowed: `take` finds it, unless it was given up.
        guard descriptor.needEnded(), let own = descriptor.take() else { return }
        if worker.context.descriptors.hasGivenUp { restoreAbove(own, worker) }
    }

    /// Opens the nearest directory above that is still needed and has no descriptor, through the `..` of this one. A
    /// failure does no harm.
    ///
    /// Directories in between that are not needed are passed. In a depth-first walk the last descriptor closed below
    /// each of them passes it, so long chains with gaps cost linear time.
    private nonisolated func restoreAbove(_ own: consuming FileDescriptor, _ worker: WorkerLocals) {
        var identities = [node.parentIdentity]
        var place = containing
        while let directory = place, !directory.descriptor.isNeeded {
            identities.append(directory.node.parentIdentity)
            place = directory.containing
        }
        guard let ancestor = place, !ancestor.descriptor.isPresent else { return }
        var current = own
        for identity in identities {
            guard let opened = try? worker.openDirectory("..", in: current.number, isRestored: true),
                (try? worker.identity(of: opened.number)) == identity
            else { return }
            worker.descriptorsReopened += 1
            current = opened
        }
        let number = current.number
        guard ancestor.descriptor.publish(number) else { return }
        _ = current.release()
        worker.context.descriptors.keep(ancestor, number)
        ancestor.descriptor.giveBackUnneeded()
    }

    /// Opens this directory by name from the nearest ancestor that has a descriptor.
    private nonisolated func reopenFromAbove(_ worker: WorkerLocals) throws(Errno) -> FileDescriptor {
        worker.descriptorsReopened += 1
        var path = [node]
        var ancestor = containing
        while let directory = ancestor {
            if let number = directory.descriptor.borrow() {
                defer { directory.descriptor.giveBackUnneeded() }
                return try worker.descend(path, from: number)
            }
            path.append(directory.node)
            ancestor = directory.containing
        }
        preconditionFailure("a PATH keeps its descriptor as long as anything below is pending")
    }
}

extension WorkerLocals {
    /// Opens directory after directory, the last of `path` first, checking that each is still the one whose children
    /// were listed. The caller checks the first of `path`.
    fileprivate func descend(_ path: [PathNode], from number: Int32) throws(Errno) -> FileDescriptor {
        var current = try restore(path[path.count - 1], in: number)
        for index in stride(from: path.count - 2, through: 0, by: -1) {
            guard try identity(of: current.number) == path[index].parentIdentity else { throw .stale }
            current = try restore(path[index], in: current.number)
        }
        return current
    }

    private func restore(_ node: PathNode, in directory: Int32) throws(Errno) -> FileDescriptor {
        try node.withCString { (name) throws(Errno) in try openDirectory(name, in: directory, isRestored: true) }
    }

    func identity(of descriptor: Int32) throws(Errno) -> DeviceInode {
        var status = FileStatus()
        try Kernel.status(of: descriptor, into: &status)
        return status.identity
    }
}
