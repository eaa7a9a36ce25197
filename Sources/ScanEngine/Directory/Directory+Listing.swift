// Going through the entries of an open directory: in its own message, or in slices that others can steal.

import LinuxKernel
import WorkStealing

extension Directory {
    /// Reads one buffer; most directories fit. If it is full, its entries are a slice, and so are those that follow.
    func readAll(_ number: Int32, _ worker: WorkerLocals) {
        do throws(Errno) {
            let amount = try Kernel.listDirectory(number, into: worker.listing)
            guard amount > 0 else { return finishListing(worker) }
            let bytes = UnsafeRawBufferPointer(rebasing: worker.listing[..<amount])
            if amount > worker.listing.count - DirectoryEntries.longestRecord {
                startSlices(bytes, worker)
            } else {
                var own = bytes
                if let limit = worker.context.entriesPerSlice {
                    var entries = DirectoryEntries(bytes)
                    own = entries.popFirst(limit) ?? bytes
                    startSlices(UnsafeRawBufferPointer(rebasing: bytes[own.count...]), worker)
                }
                let entries = DirectoryEntries(own)
                let left = worker.scanEntries(
                    entries, of: opened, number, waiter: .directory(self), into: &subtree)
                if var left {
                    if worker.lender?.isWanted == true, let half = left.popHalf() { startSlice(half, worker) }
                    startSlice(left.bytes, worker, mayBeOffered: false)
                }
                let end = DirectoryEntries(bytes).endPosition
                if worker.isEndOfListing(end, onDevice: identity.device) { return finishListing(worker) }
            }
            readSlices(worker)
        } catch {
            couldNotList(error, worker)
        }
    }

    /// Cuts the unread rest into slices, a few at a time: existing slices are processed before more are made, so a
    /// directory of millions is never in memory as a whole.
    func readSlices(_ worker: WorkerLocals) {
        guard let number = descriptor.borrow() else {
            preconditionFailure("the descriptor of a directory that is being listed is not given up")
        }
        defer { descriptor.giveBack() }
        worker.isAt(node)
        defer { worker.isDone() }
        do throws(Errno) {
            for _ in 0..<Self.slicesAtATime {
                if worker.shouldStop {
                    subtree.subtotal.isWhole = false
                    worker.unfinished.add(EntryPath(directory: node, name: nil))
                    return finishListing(worker)
                }
                let amount = try Kernel.listDirectory(number, into: worker.listing)
                guard amount > 0 else { return finishListing(worker) }
                startSlices(UnsafeRawBufferPointer(rebasing: worker.listing[..<amount]), worker)
            }
            // At the end of the mailbox: the worker leaves it for the slices when its turn ends.
            send { $0.readOn() }
        } catch {
            couldNotList(error, worker)
        }
    }

    /// Entries listed before are kept.
    private func couldNotList(_ error: Errno, _ worker: WorkerLocals) {
        worker.report(error, "getdents64", EntryPath(directory: node, name: nil), into: &subtree)
        finishListing(worker)
    }

    /// Buffers read in one message. A turn has several messages, so this bounds the slices in waiting only loosely.
    private static let slicesAtATime = 4

    /// Makes one slice of the entries; or several, if their files are to be read.
    private func startSlices(_ bytes: UnsafeRawBufferPointer, _ worker: WorkerLocals) {
        guard let limit = worker.context.entriesPerSlice else { return startSlice(bytes, worker) }
        var entries = DirectoryEntries(bytes)
        while let part = entries.popFirst(limit) { startSlice(part, worker) }
    }

    /// - Parameter mayBeOffered: if another process wants work now, without waiting for the slice's turn: that may come
    ///   only when the whole directory is read.
    private func startSlice(_ entries: UnsafeRawBufferPointer, _ worker: WorkerLocals, mayBeOffered: Bool = true) {
        subtree.willWait()
        descriptor.need()
        let entries = Array(entries)
        let slice = EntrySlice(entries, of: opened, waiter: .directory(self), scheduler: worker.scheduler)
        if mayBeOffered, let lender = worker.lender, lender.isWanted {
            lender.offer(.slice(slice, entries))
        } else {
            slice.send { $0.scan() }
        }
    }

    private var opened: OpenedDirectory {
        OpenedDirectory(
            directory: self, identity: identity, rootDevice: rootDevice, pseudo: pseudo, mayLoop: mayLoop,
            ignore: ignore)
    }

    /// The listing itself is done; children and slices may not be.
    func finishListing(_ worker: WorkerLocals) {
        descriptor.giveBack()
        descriptorNeedEnded(worker)
        subtree.listingDone()
        if subtree.isComplete { complete(worker) }
    }
}
