import CLinux

/// Extended attributes as far as they were asked for: nil where they were not.
typealias AttributesResult = Result<[ExtendedAttribute]?, ContentFailure>

extension ScanWorker {
    /// Reads the extended attributes of an entry that is not open, if they were asked for.
    ///
    /// The inode is pinned first and must be the one that was stat'ed; its attributes are read from there.
    func extendedAttributes(
        of entry: borrowing CountedEntry, _ status: borrowing FileStatus
    ) -> AttributesResult {
        guard context.readsAttributes else { return .success(nil) }
        do throws(ContentFailure) {
            let (name, directory) = (entry.cString, entry.descriptor)
            let opened = try opening { () throws(ContentFailure) in
                do throws(Errno) {
                    return try Kernel.openPath(name, in: directory)
                } catch {
                    throw .call("openat", error)
                }
            }
            var now = FileStatus()
            do throws(Errno) {
                try Kernel.status(of: opened.number, .basic, into: &now)
                guard now.identity == status.identity else { throw .stale }
            } catch {
                throw .call("openat", error)
            }
            return .success(try Kernel.extendedAttributes(of: opened.number, isPathOnly: true))
        } catch {
            return .failure(error)
        }
    }

    /// Of a directory that is open for listing.
    func extendedAttributes(
        ofDirectory number: Int32, at path: EntryPath, into gathering: inout Gathering
    ) -> [ExtendedAttribute]? {
        do throws(ContentFailure) {
            return try Kernel.extendedAttributes(of: number, isPathOnly: false)
        } catch {
            report(error.cause, at: path, into: &gathering.subtotal)
            return nil
        }
    }
}
