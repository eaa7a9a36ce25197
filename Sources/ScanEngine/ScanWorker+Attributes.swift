import CLinux

extension ScanWorker {
    /// Reads the extended attributes of an entry that is not open, if they were asked for.
    ///
    /// The inode is pinned first and must be the one that was stat'ed; its attributes are read from there.
    func extendedAttributes(
        of entry: borrowing CountedEntry, _ status: borrowing FileStatus, into gathering: inout Gathering
    ) -> [ExtendedAttribute]? {
        guard context.readsAttributes else { return nil }
        do throws(ContentFailure) {
            let opened = try openPath(entry)
            var now = FileStatus()
            do throws(Errno) {
                try Kernel.status(of: opened.number, .basic, into: &now)
                guard now.identity == status.identity else { throw .stale }
            } catch {
                throw .call("openat", error)
            }
            return try Kernel.extendedAttributes(of: opened.number, isPathOnly: true)
        } catch {
            report(error.record(at: entry.path.bytes), below: entry.path.directory, into: &gathering.subtotal)
            return nil
        }
    }

    /// Of a directory that is open for listing.
    func extendedAttributes(
        ofDirectory number: Int32, at path: EntryPath, into gathering: inout Gathering
    ) -> [ExtendedAttribute]? {
        do throws(ContentFailure) {
            return try Kernel.extendedAttributes(of: number, isPathOnly: false)
        } catch {
            report(error.record(at: path.bytes), below: path.directory, into: &gathering.subtotal)
            return nil
        }
    }

    private func openPath(_ entry: borrowing CountedEntry) throws(ContentFailure) -> FileDescriptor {
        while true {
            do throws(Errno) {
                return try Kernel.openPath(entry.cString, in: entry.descriptor)
            } catch {
                guard error.isShortOfDescriptors, context.descriptors.giveUpOldest() else {
                    throw .call("openat", error)
                }
            }
        }
    }
}
