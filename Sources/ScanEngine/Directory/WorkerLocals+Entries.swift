import CLinux
import Entries
import Ignore
import LinuxKernel
import WorkStealing

/// A directory whose entries are being scanned: shared by its own message and its slices.
struct OpenedDirectory: Sendable {
    let directory: Directory
    let identity: DeviceInode
    /// The device of the PATH.
    let rootDevice: UInt64
    /// The pseudo file system that contains it.
    let pseudo: PseudoFileSystem?
    /// See `Directory.mayLoop`.
    let mayLoop: Bool
    /// The patterns that apply to its entries, if there are any.
    let ignore: IgnoreScope?

    var node: PathNode { directory.node }
}

/// The patterns for the entries of an open directory, for a loop over them. It counts no references, because all
/// workers share the patterns. Not to be used when the directory is gone.
private struct EntryPatterns {
    /// Kept by the `OpenedDirectory`.
    private let scope: Unmanaged<IgnoreScope>?
    private let node: PathNode

    init(of opened: borrowing OpenedDirectory) {
        scope = opened.ignore.map { Unmanaged.passUnretained($0) }
        node = opened.node
    }

    /// - Parameter isDirectory: nil if that is not known.
    @inline(__always)  // nearly every scan has no patterns
    func verdict(_ name: UnsafeRawBufferPointer, isDirectory: Bool?) -> IgnoreVerdict {
        guard let scope else { return .kept }
        let bytes = name.bindMemory(to: UInt8.self)
        return scope._withUnsafeGuaranteedRef {
            $0.verdict(bytes.span, isDirectory: isDirectory, in: node, directoryDepth: node.level)
        }
    }
}

extension WorkerLocals {
    /// Stats and counts entries of a directory, and starts an actor for each child directory.
    ///
    /// - Parameters:
    ///   - number: the directory's descriptor, borrowed by the caller.
    ///   - waiter: the actor to which the child directories report; `subtree` belongs to it.
    /// - Returns: the remaining entries, if no descriptor is available now: for a separate slice, behind other work. Or
    ///   if another process wants work, and many entries remain.
    func scanEntries(
        _ entries: DirectoryEntries, of opened: OpenedDirectory, _ number: Int32, waiter: Waiter,
        into subtree: inout SubtreeAccumulator
    ) -> DirectoryEntries? {
        let left = scanEntries(entries, of: opened, number, waiter: waiter, &tallies, into: &subtree)
        askAboutUntyped()
        if !settled.isEmpty {
            for completion in takeSettled() { add(completion, to: &subtree) }
        }
        return left
    }

    private func scanEntries(
        _ entries: DirectoryEntries, of opened: OpenedDirectory, _ number: Int32, waiter: Waiter,
        _ tallies: inout Tallies, into subtree: inout SubtreeAccumulator
    ) -> DirectoryEntries? {
        let node = opened.node
        let patterns = EntryPatterns(of: opened)
        let isMetadataAlone = context.content == nil && streams.isEmpty
        // A record and the map need a file's digests.
        let baseline = streams.isEmpty && !mapHasDigests ? context.content?.baseline : nil
        let detail = context.detail
        let listsUnseen = !context.oneFileSystem
        let readsAttributes = context.readsAttributes
        let leftOut = context.leftOut?.directory == opened.identity ? context.leftOut : nil
        let directories = directories
        let before = directories == nil ? Totals() : subtree.subtotal.totals
        var newest = Int64.min
        defer {
            directories?.count(
                .added, node, DirectorySums(subtree.subtotal.totals) &- DirectorySums(before), newest: newest)
        }
        var status = FileStatus()
        let lender = self.lender
        let checkInterval = lender == nil ? Self.entriesBetweenStopChecks : Self.entriesBetweenOffers
        var untilStopCheck = checkInterval
        var rest = entries
        while true {
            let left = rest
            guard let entry = rest.next() else { return nil }
            untilStopCheck -= 1
            if untilStopCheck == 0 {
                if context.shouldStop {
                    subtree.subtotal.isWhole = false
                    unfinished.add(EntryPath(directory: node, name: nil))
                    return nil
                }
                if let lender, left.bytes.count >= Self.bytesWorthSharing, lender.isWanted { return left }
                untilStopCheck = checkInterval
            }
            let verdict = patterns.verdict(entry.name, isDirectory: entry.kind.map { $0 == .directory })
            if verdict == .ignored {
                recordExcluded(entry.name, in: node)
                continue
            }
            if let leftOut, leftOut.contains(entry.name) {
                leftOut.note(in: node)
                recordExcluded(entry.name, in: node)
                continue
            }
            if entry.kind == .directory, listsUnseen {
                startDirectory(entry.name, in: opened, known: nil, waiter, &subtree)
                continue
            }
            do throws(Errno) {
                try Kernel.status(of: entry.cString, in: number, detail, into: &status)
            } catch {
                couldNotStat(entry, of: node, error, &tallies, into: &subtree)
                continue
            }
            guard let kind = status.kind else {
                couldNotStat(entry, of: node, .invalid, &tallies, into: &subtree)
                continue
            }
            if verdict == .dependsOnKind,
                patterns.verdict(entry.name, isDirectory: kind == .directory) == .ignored
            {
                recordExcluded(entry.name, in: node)
                continue
            }
            if kind == .directory {
                let isToBeListed = listsUnseen || status.device == opened.rootDevice
                let known = StatedEntry(status, isToBeListed: isToBeListed)
                startDirectory(entry.name, in: opened, known: known, waiter, &subtree)
            } else {
                var attributes = AttributesResult.success(ReadAttributes())
                if readsAttributes, selector?.contains(status, kind, entry.cString) ?? true {
                    let named = NamedEntry(
                        directory: opened, descriptor: number, name: entry.name, kind: kind, node: node)
                    attributes = extendedAttributes(of: named, status)
                    // Nothing about it has been counted yet.
                    if case .failure(let failure) = attributes, mayTryAgain(after: failure) { return left }
                }
                // A file can be a mount point, too.
                let pseudo =
                    status.device == opened.identity.device
                    ? opened.pseudo : try? pseudoFileSystem(of: entry.cString, in: number, onDevice: status.device)
                let isSelected = countEntry(
                    status, kind, entry.name, pseudo, in: node, EntryPath(directory: node, name: Array(entry.name)),
                    &tallies, into: &subtree)
                if let directories {
                    newest = max(newest, status.mtime.seconds)
                    if status.links > 1 { directories.link(status, kind, in: node) }
                }
                if isMetadataAlone || !isSelected { continue }
                if let baseline, takeOver(entry.name, kind, status, baseline, into: &subtree) { continue }
                let counted = NamedEntry(
                    directory: opened, descriptor: number, name: entry.name, kind: kind, node: node)
                if let answer = content(of: counted, status, attributes, waiter: waiter, &subtree) {
                    let state = record(entry.name, in: node, kind, status, answer)
                    subtree.addDigests(of: entry.name, status.mode, answer.digests, state: state)
                }
            }
        }
    }

    /// How soon a cancelled scan ends, in entries.
    private static let entriesBetweenStopChecks = 64
    /// How soon another process gets some of them: they take 1 ms each on some file systems.
    private static let entriesBetweenOffers = 8
    /// About 32 entries. Fewer are done here, before a borrower has opened their directory.
    private static let bytesWorthSharing = 1_024

    private func startDirectory(
        _ name: UnsafeRawBufferPointer, in opened: OpenedDirectory, known: StatedEntry?, _ waiter: Waiter,
        _ subtree: inout SubtreeAccumulator
    ) {
        if context.part?.holes?.contain(name, in: opened.node) == true {
            subtree.isOpen = true
            return
        }
        subtree.willWait()
        opened.directory.descriptor.need()
        let number = directories?.meet(name, in: opened.node) ?? 0
        let node = PathNode.child(name, of: opened.node, parentIdentity: opened.identity, number: number)
        Directory(
            node, waiter: waiter, known: known, rootDevice: opened.rootDevice, pseudo: opened.pseudo,
            mayLoop: opened.mayLoop,
            ignore: opened.ignore, scheduler: scheduler
        ).send { $0.scan() }
    }

    // MARK: Counting

    /// Counts an entry that is not a directory.
    ///
    /// - Parameters: as in `Tallies.count` and `Tallies.rank`; the name is the last component of its path, followed by
    ///   a NUL in memory.
    /// - Returns: whether it is selected.
    func countEntry(
        _ status: borrowing FileStatus, _ kind: EntryKind, _ name: UnsafeRawBufferPointer, _ pseudo: PseudoFileSystem?,
        in directory: PathNode, _ path: @autoclosure () -> EntryPath, _ tallies: inout Tallies,
        into subtree: inout SubtreeAccumulator
    ) -> Bool {
        let fileExtension = kind == .file ? FileExtension(name: name) : .none
        subtree.subtotal.count(status, kind, fileExtension, pseudo, context.devices, &tallies)
        countPartially(status, kind, below: directory.root)
        progress.advance(entries: 1, diskBytes: status.diskBytes)
        if isRankingAlone {
            if kind == .file { tallies.rank(status, in: directory, path()) }
            return true
        }
        let name = name.baseAddress!.assumingMemoryBound(to: CChar.self)
        return rankSelected(status, kind, name, in: directory, path(), &tallies)
    }

    func countDirectory(
        _ status: borrowing FileStatus, _ pseudo: PseudoFileSystem?, below root: Int,
        into subtree: inout SubtreeAccumulator
    ) {
        subtree.subtotal.count(status, .directory, .none, pseudo, context.devices, &tallies)
        countPartially(status, .directory, below: root)
        progress.advance(entries: 1, diskBytes: status.diskBytes)
    }

    // MARK: Errors

    /// Counts a name that was listed and cannot be stat'ed.
    private func couldNotStat(
        _ entry: DirectoryEntries.Entry, of directory: PathNode, _ error: Errno, _ tallies: inout Tallies,
        into subtree: inout SubtreeAccumulator
    ) {
        // It disappeared before it was stat'ed: not an entry.
        if error == .noSuchEntry { return }
        if let kind = entry.kind {
            subtree.subtotal.countUnknown(kind)
            if keepsPartial { partial?.subtotal(below: directory.root) { $0.countUnknown(kind) } }
            recordUnknown(entry.name, in: directory, kind)
            if kind == .file { tallies.countUnknown(FileExtension(name: entry.name)) }
        }
        report(error, "statx", EntryPath(directory: directory, name: Array(entry.name)), into: &subtree)
    }

    /// Counts names that were listed in a directory that cannot be reached any more.
    func reportAll(
        _ entries: DirectoryEntries, of directory: PathNode, _ error: Errno, into subtree: inout SubtreeAccumulator
    ) {
        for entry in entries { couldNotStat(entry, of: directory, error, &tallies, into: &subtree) }
    }

    func report(_ error: Errno, _ operation: String, _ path: EntryPath, into subtree: inout SubtreeAccumulator) {
        let cause = ErrorCause(operation: operation, code: error.name, message: error.message)
        report(cause, at: path, into: &subtree.subtotal)
    }

    func report(_ cause: ErrorCause, at path: EntryPath, into subtotal: inout Subtotal) {
        subtotal.countError()
        if keepsPartial { partial?.subtotal(below: path.directory.root) { $0.countError() } }
        progress.countError()
        errors.add(cause, at: path)
        if streams.isEmpty, context.onError == nil { return }
        let error = ScanError(path: path.bytes, cause)
        for stream in streams { stream.error(root: path.directory.root, error) }
        context.onError?(error)
    }
}
