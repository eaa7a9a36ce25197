import LinuxKernel

extension Directory {
    /// Reads the attributes of a directory that is not open.
    ///
    /// - Parameter isOpened: false if opening it has failed, which is reported separately: then a failure to pin it for
    ///   its attributes is not a second error.
    /// - Returns: false if the directory is tried again.
    func readAttributesByName(
        _ status: borrowing FileStatus, isOpened: Bool, _ worker: WorkerLocals
    ) -> Bool {
        guard worker.context.readsAttributes, worker.selector?.contains(status, .directory, node) ?? true else {
            return true
        }
        switch attributesByName(status, worker) {
        case .success(let read):
            xattrs = read.list
            if read.isDigest {
                let path = EntryPath(directory: node, name: nil)
                worker.report(ReadAttributes.tooLarge, at: path, into: &subtree.subtotal)
            }
        case .failure(let failure):
            if willTryAgain(after: failure, worker) { return false }
            if failure.isOfOpening, !isOpened { return true }
            worker.report(failure.cause, at: EntryPath(directory: node, name: nil), into: &subtree.subtotal)
        }
        return true
    }

    private func attributesByName(_ status: borrowing FileStatus, _ worker: WorkerLocals) -> AttributesResult {
        let parent = containing
        do throws(Errno) {
            let number = try parent?.borrowDescriptor(node.parentIdentity, worker) ?? Kernel.workingDirectory
            defer { parent?.descriptor.giveBack() }
            let status = copy status
            return node.withName { name in
                worker.extendedAttributes(
                    of: NamedEntry(directory: nil, descriptor: number, name: name, kind: .directory, node: node),
                    status)
            }
        } catch {
            return .failure(.call("openat", error))
        }
    }
}
