import CLinux
import Entries
import LinuxKernel
import WorkStealing

extension EntryContent {
    static let unknown = EntryContent()
    /// Without `--hash` and `--mime`: known, and empty.
    fileprivate static let notAsked = EntryContent(digests: [])
}

extension WorkerLocals {
    /// Determines the requested content of an entry that is not a directory.
    ///
    /// - Parameter attributes: the result of `extendedAttributes`.
    /// - Returns: nil if another actor will: `waiter` then gets a `Completion`.
    func content(
        of entry: borrowing NamedEntry, _ status: borrowing FileStatus, _ attributes: AttributesResult,
        waiter: Waiter, _ subtree: inout SubtreeAccumulator
    ) -> EntryContent? {
        var xattrs: [ExtendedAttribute]?
        switch attributes {
        case .success(let read):
            xattrs = read.list
            if read.isDigest { report(ReadAttributes.tooLarge, at: entry.path, into: &subtree.subtotal) }
        case .failure(let failure):
            report(failure.cause, at: entry.path, into: &subtree.subtotal)
            // It has disappeared, or something else has its name: reading the content would report the same again.
            if failure.isOfOpening { return .unknown }
        }
        var answer = content(of: entry, status, waiter: waiter, xattrs, &subtree)
        if let xattrs { answer?.xattrs = xattrs }
        return answer
    }

    private func content(
        of entry: borrowing NamedEntry, _ status: borrowing FileStatus, waiter: Waiter,
        _ xattrs: [ExtendedAttribute]?,
        _ subtree: inout SubtreeAccumulator
    ) -> EntryContent? {
        switch entry.kind {
        case .symlink:
            // Only regular files are wanted.
            if context.sizesMet != nil { return .unknown }
            return followNot(entry, &subtree)
        case .file:
            guard let shared = context.content else { return .notAsked }
            if let sizes = context.sizesMet { return readAhead(entry, status, sizes) }
            return readFile(entry, status, shared, waiter, xattrs, &subtree)
        case .directory, .fifo, .socket, .blockDevice, .characterDevice:
            return EntryContent(digests: context.content?.rowOfNothing ?? [])
        }
    }

    /// Reads a symlink's target: for its digest, and for its record.
    private func followNot(_ entry: borrowing NamedEntry, _ subtree: inout SubtreeAccumulator) -> EntryContent {
        guard contentReader != nil || !streams.isEmpty else { return .notAsked }
        do throws(ContentFailure) {
            if contentReader != nil {
                let (target, row) = try contentReader!.inspectSymlink(entry.cString, in: entry.descriptor)
                return EntryContent(target: target, digests: row)
            }
            do throws(Errno) {
                return EntryContent(target: try Kernel.symlinkTarget(entry.cString, in: entry.descriptor), digests: [])
            } catch {
                throw .call("readlinkat", error)
            }
        } catch {
            return failed(error, entry.path, into: &subtree.subtotal)
        }
    }

    /// Reads a small file whose digests are optional.
    private func readAhead(
        _ entry: borrowing NamedEntry, _ status: borrowing FileStatus, _ sizes: SizesMet
    ) -> EntryContent {
        guard entry.directory != nil, !context.shouldStop, (try? isOnPseudoFileSystem(entry, status)) == false,
            sizes.hasMetSize(of: status)
        else { return .unknown }
        at.move(to: entry.node, file: entry.name)
        defer { at.leaveFile() }
        let outcome = try? inspect(entry.cString, in: entry.descriptor, status, wasJustListed: true, hasSize: true)
        guard case .done(let content)? = outcome else { return .unknown }
        return EntryContent(digests: content.digests)
    }

    private func readFile(
        _ entry: borrowing NamedEntry, _ status: borrowing FileStatus, _ shared: SharedContent, _ waiter: Waiter,
        _ xattrs: [ExtendedAttribute]?, _ subtree: inout SubtreeAccumulator
    ) -> EntryContent? {
        // One file may take some ten milliseconds, and a directory has many.
        if context.shouldStop {
            subtree.subtotal.isWhole = false
            unfinished.add(entry.path)
            return .unknown
        }
        if let choice = context.choice {
            let name = entry.directory == nil ? nil : entry.name
            let root = entry.node.root
            let size = status.size
            if !path.with(name, in: entry.node, { choice.isRead(root: root, path: $0, size: size) }) { return .unknown }
        }
        if entry.directory != nil { at.move(to: entry.node, file: entry.name) }
        defer { at.leaveFile() }
        do throws(ContentFailure) {
            let isPseudo = try isOnPseudoFileSystem(entry, status)
            if isPseudo, !shared.readsPseudo {
                subtree.subtotal.countSkipped()
                return .unknown
            }
            if status.size > shared.maxRead { throw .call("read", .fileTooLarge) }
            // On pseudo file systems, size and times are meaningless.
            var saved: [UInt8]?
            if !isPseudo, let baseline = shared.baseline {
                if let known = known(status, .file, baseline) {
                    if known.use == .takeOver { return EntryContent(digests: Array(known.digests), mime: known.mime) }
                    saved = Array(known.digests)
                }
                baselineUse.read += 1
            }
            if status.links > 1, !isPseudo {
                let mayLeave = context.devices.showsLinksOnce(status.device)
                switch context.linkedFiles.meet(status, mayLeave: mayLeave, scheduler: scheduler) {
                case .known(let result):
                    return settle(result, of: entry.path, status, saved: saved, into: &subtree.subtotal)
                case .read(let reader): return readLater(entry, status, by: reader, waiter, xattrs, saved, &subtree)
                }
            }
            if shared.isReadInPieces(size: status.size), !isPseudo {
                return readLater(entry, status, by: DeferredRead(scheduler: scheduler), waiter, xattrs, saved, &subtree)
            }
            do throws(ContentFailure) {
                switch try inspect(
                    entry.cString, in: entry.descriptor, status, wasJustListed: true, hasSize: !isPseudo)
                {
                case .done(let content):
                    return settle(content, of: entry.path, status, saved: saved, into: &subtree.subtotal)
                case .untyped(let file):
                    let request = request(entry, status, hasSize: true, waiter, xattrs, saved, &subtree)
                    askLater(file, request)
                    return nil
                case .lacksDetector:
                    let reader = DeferredRead(scheduler: scheduler)
                    return readLater(entry, status, by: reader, hasSize: !isPseudo, waiter, xattrs, saved, &subtree)
                case .large: preconditionFailure("a file that looks the same as when it was listed has the same size")
                }
            } catch {
                guard !isPseudo, error.isLeased || mayTryAgain(after: error) else { throw error }
                return readLater(entry, status, by: DeferredRead(scheduler: scheduler), waiter, xattrs, saved, &subtree)
            }
        } catch {
            return failed(error, entry.path, into: &subtree.subtotal)
        }
    }

    /// Through an actor: files with several links are read once, large ones in pieces, and an actor can wait for a
    /// descriptor or a detector.
    private func readLater(
        _ entry: borrowing NamedEntry, _ status: borrowing FileStatus, by reader: DeferredRead, hasSize: Bool = true,
        _ waiter: Waiter, _ xattrs: [ExtendedAttribute]?, _ saved: [UInt8]?, _ subtree: inout SubtreeAccumulator
    ) -> EntryContent? {
        entry.directory?.directory.descriptor.need()
        let request = request(entry, status, hasSize: hasSize, waiter, xattrs, saved, &subtree)
        reader.send { $0.read(request) }
        return nil
    }

    private func request(
        _ entry: borrowing NamedEntry, _ status: borrowing FileStatus, hasSize: Bool, _ waiter: Waiter,
        _ xattrs: [ExtendedAttribute]?, _ saved: [UInt8]?, _ subtree: inout SubtreeAccumulator
    ) -> FileRequest {
        subtree.willWait()
        // A large file may take minutes, and waits for a place of its own.
        let isLarge = context.content?.isReadInPieces(size: status.size) == true
        return FileRequest(
            directory: entry.directory, name: Array(entry.name) + [0], path: entry.path,
            entry: StatedEntry(copy status), hasSize: hasSize, xattrs: xattrs,
            saved: saved, place: isLarge ? nil : place, waiter: waiter)
    }

    // MARK: Not reading

    /// The digests and the type of a regular file or a symlink, from the baseline. Counts the reuse, and the type.
    private func known(
        _ status: borrowing FileStatus, _ kind: EntryKind, _ baseline: ContentBaseline
    ) -> ContentBaseline.Known? {
        // `lastDevice` is that of the entry: the caller has checked that it is not a pseudo file system.
        let isServed = lastDevice?.isServed ?? true
        guard let known = baseline.known(status, kind, isServed: isServed, &baselineCursor) else { return nil }
        guard known.use == .takeOver else { return known }
        if kind == .file { baselineUse.reused += 1 }
        if let type = known.mime { count(type, status) }
        return known
    }

    /// Adds the digests of an entry in the baseline to those of its directory. For a scan without outputs: an entry
    /// whose digests are available needs no allocation.
    ///
    /// - Returns: false if `content(of:)` must determine them.
    func takeOver(
        _ name: UnsafeRawBufferPointer, _ kind: EntryKind, _ status: borrowing FileStatus, _ baseline: ContentBaseline,
        into subtree: inout SubtreeAccumulator
    ) -> Bool {
        switch kind {
        case .file, .symlink:
            // A device's first file is read, or looked up in `readFile`, which checks whether the kernel generates its
            // files: links of /proc look unchanged whatever they point to.
            guard let lastDevice, lastDevice.number == status.device, lastDevice.pseudo == nil,
                let shared = context.content,
                status.size <= shared.maxRead
            else { return false }
        case .directory, .fifo, .socket, .blockDevice, .characterDevice: return false
        }
        guard let known = known(status, kind, baseline), known.use == .takeOver else { return false }
        subtree.digests?.append(name: name, mode: status.mode, row: known.digests)
        return true
    }

    // MARK: For both ways of reading

    /// Opens the file of a request and reads it, or its beginning.
    ///
    /// - Parameter hasDetector: the caller has a token for one.
    func inspect(_ request: FileRequest, hasDetector: Bool) throws(ContentFailure) -> ContentReader.Outcome {
        guard let opened = request.directory else {
            return try inspect(request, in: Kernel.workingDirectory, hasDetector)
        }
        let number: Int32
        do throws(Errno) {
            number = try opened.directory.borrowDescriptor(opened.identity, self)
        } catch {
            throw .call("openat", error)
        }
        defer { opened.directory.descriptor.giveBack() }
        return try inspect(request, in: number, hasDetector)
    }

    private func inspect(
        _ request: FileRequest, in directory: Int32, _ hasDetector: Bool
    ) throws(ContentFailure) -> ContentReader.Outcome {
        try request.name.withUnsafeBufferPointer { (name) throws(ContentFailure) in
            // The array ends in a NUL, and does not move during the call.
            let cString = UnsafeRawPointer(name.baseAddress!).assumingMemoryBound(to: CChar.self)
            let status = request.entry.status
            // For a detector, or for the place of a large file: possibly for minutes.
            let hasWaited = hasDetector || context.content?.isReadInPieces(size: status.size) == true
            return try inspect(
                cString, in: directory, status, wasJustListed: !hasWaited, hasSize: request.hasSize,
                hasDetector: hasDetector)
        }
    }

    private func inspect(
        _ name: UnsafePointer<CChar>, in directory: Int32, _ status: borrowing FileStatus, wasJustListed: Bool,
        hasSize: Bool, hasDetector: Bool = false
    ) throws(ContentFailure) -> ContentReader.Outcome {
        let owner = status.uid
        let keepAccessTime = context.user == 0 || context.user == owner
        let (identity, listed) = (status.identity, ContentStatus(status))
        return try opening { () throws(ContentFailure) in
            defer { progress.advance(bytesRead: contentReader!.takeBytesRead()) }
            return try contentReader!.inspect(
                name, in: directory, expecting: identity, listed: listed, wasJustListed: wasJustListed,
                keepAccessTime: keepAccessTime, hasSize: hasSize, hasDetector: hasDetector)
        }
    }

    /// The digests of a directory; nil if they are not known.
    func digestRow(of tree: TreeDigest) -> [UInt8]? { contentReader!.finish(tree) }

    /// Reads a piece of a large file; nil if there is more.
    func advance(_ file: LargeFile) -> Result<FileContent?, ContentFailure> {
        defer { progress.advance(bytesRead: contentReader!.takeBytesRead()) }
        do throws(ContentFailure) {
            return .success(try contentReader!.advance(file))
        } catch {
            return .failure(error)
        }
    }

    /// Compares the digests of a file that looks unchanged with the saved ones, and reports a difference.
    private func compare(_ content: FileContent, with saved: [UInt8]?, _ path: EntryPath) {
        guard let saved else { return }
        baselineUse.reread += 1
        if content.digests == saved { return }
        baselineUse.contradicted += 1
        context.onContradiction?(path.bytes)
    }

    /// Records the content of a file: the type is counted; a failure of libmagic is an error, but leaves the digests
    /// valid.
    ///
    /// - Parameter saved: the digests in the baseline, if the file looks unchanged and was read anyway.
    func settle(
        _ content: FileContent, of path: EntryPath, _ status: borrowing FileStatus, saved: [UInt8]?,
        into subtotal: inout Subtotal
    ) -> EntryContent {
        compare(content, with: saved, path)
        var answer = EntryContent(digests: content.digests)
        switch content.mime {
        case nil: break
        case .success(let type):
            count(type, status)
            answer.mime = type
        case .failure(let failure): report(failure.cause, at: path, into: &subtotal)
        }
        return answer
    }

    /// Counts a name of a file of that type. All names of an inode have the same type: one of them counts the bytes.
    private func count(_ type: String, _ status: borrowing FileStatus) {
        var counts = FileCounts(files: 1)
        var countsBytes = true
        if status.links > 1, let inodes = context.content?.typedInodes {
            countsBytes = inodes.meet(status, type, context.devices, isPart: context.part != nil)
        }
        if countsBytes { counts.add(FileCounts(status)) }
        types[type, default: FileCounts()].add(counts)
    }

    func settle(
        _ result: Result<FileContent, ContentFailure>, of path: EntryPath, _ status: borrowing FileStatus,
        saved: [UInt8]?, into subtotal: inout Subtotal
    ) -> EntryContent {
        switch result {
        case .success(let content): settle(content, of: path, status, saved: saved, into: &subtotal)
        case .failure(let failure): failed(failure, path, into: &subtotal)
        }
    }

    func failed(
        _ failure: ContentFailure, _ path: EntryPath, into subtotal: inout Subtotal
    ) -> EntryContent {
        report(failure.cause, at: path, into: &subtotal)
        return EntryContent(isChanged: failure == .changed)
    }

    /// Whether the kernel generates the file's content.
    private func isOnPseudoFileSystem(
        _ entry: borrowing NamedEntry, _ status: borrowing FileStatus
    ) throws(ContentFailure) -> Bool {
        let device = status.device
        let isInDirectory = entry.directory?.identity.device == device
        do throws(Errno) {
            return try pseudoFileSystem(
                of: isInDirectory ? nil : entry.cString, in: entry.descriptor, onDevice: device) != nil
        } catch {
            throw .call("fstatfs", error)
        }
    }
}
