import CLinux

extension Directory {
    /// A descriptor of this directory, made again if it had been given up. To be followed by `descriptor.giveBack()`.
    ///
    /// The caller must be one of those that the directory is needed by.
    ///
    /// - Parameter identity: what this directory was when it was first opened.
    nonisolated func borrowDescriptor(_ identity: DeviceInode, _ worker: ScanWorker) throws(Errno) -> Int32 {
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

    /// One who needed the descriptor does not any more; the last one closes it.
    nonisolated func descriptorNeedEnded(_ worker: ScanWorker) {
        guard descriptor.needEnded() else { return }
        // Nobody needs it, so nobody borrows it: `take` finds it, unless it was given up.
        guard let own = descriptor.take() else { return }
        guard let parent = containing, !parent.descriptor.isPresent, parent.descriptor.isNeeded else { return }
        parent.restore(fromChild: own.number, identity: node.parentIdentity, worker)
    }

    /// Opens this directory through the `..` of a child that is about to be closed. Nothing is lost if it fails.
    private nonisolated func restore(fromChild child: Int32, identity: DeviceInode, _ worker: ScanWorker) {
        guard let opened = try? worker.openDirectory("..", in: child),
            (try? worker.identity(of: opened.number)) == identity,
            descriptor.publish(opened.number)
        else { return }
        worker.descriptorsReopened += 1
        worker.context.descriptors.keep(self, opened.release())
        descriptor.giveBack()
        // The last need may have gone while there was no descriptor to close.
        if !descriptor.isNeeded { _ = descriptor.take() }
    }

    /// Opens this directory by name from the nearest ancestor that has a descriptor.
    private nonisolated func reopenFromAbove(_ worker: ScanWorker) throws(Errno) -> FileDescriptor {
        worker.descriptorsReopened += 1
        var path = [node]
        var ancestor = containing
        while let directory = ancestor {
            if let number = directory.descriptor.borrow() {
                defer { directory.descriptor.giveBack() }
                return try worker.descend(path, from: number)
            }
            path.append(directory.node)
            ancestor = directory.containing
        }
        // The PATH's own descriptor is never given up while anything below is pending.
        throw .stale
    }
}

extension ScanWorker {
    /// Opens directory after directory, the last of `path` first, checking that each is what it was when its children
    /// were listed. What the first of `path` is, the caller checks.
    fileprivate func descend(_ path: [PathNode], from number: Int32) throws(Errno) -> FileDescriptor {
        var current = try open(path[path.count - 1], in: number)
        for index in stride(from: path.count - 2, through: 0, by: -1) {
            guard try identity(of: current.number) == path[index].parentIdentity else { throw .stale }
            current = try open(path[index], in: current.number)
        }
        return current
    }

    private func open(_ node: PathNode, in directory: Int32) throws(Errno) -> FileDescriptor {
        try node.withCString { (name) throws(Errno) in try openDirectory(name, in: directory) }
    }

    func identity(of descriptor: Int32) throws(Errno) -> DeviceInode {
        var status = FileStatus()
        try Kernel.status(of: descriptor, into: &status)
        return status.identity
    }
}
