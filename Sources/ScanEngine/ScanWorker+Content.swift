import CLinux
import WorkStealing

/// An entry that has been counted, and whose content may be asked for.
struct CountedEntry: ~Copyable {
    /// The directory that it is in; nil for a PATH.
    let directory: OpenedDirectory?
    /// The descriptor of that directory, borrowed by the caller; or the working directory.
    let descriptor: Int32
    /// The name, followed by a NUL in memory; the whole of a PATH.
    let name: UnsafeRawBufferPointer
    let kind: EntryKind
    let path: EntryPath

    var cString: UnsafePointer<CChar> { name.baseAddress!.assumingMemoryBound(to: CChar.self) }
}

extension ScanWorker {
    /// Finds out about the content of an entry that is no directory.
    ///
    /// - Returns: nil if somebody else will: `waiter` then gets a `Completion`.
    func readContent(
        of entry: borrowing CountedEntry, _ status: borrowing FileStatus, _ plan: ContentPlan, waiter: Waiter,
        _ gathering: inout Gathering
    ) -> ContentAnswer? {
        switch entry.kind {
        case .symlink:
            do throws(Errno) {
                let target = try Kernel.symlinkTarget(entry.cString, in: entry.descriptor)
                return ContentAnswer(row: plan.set.isEmpty ? nil : tools.row(of: target), target: target)
            } catch {
                report(error, "readlinkat", entry.path, into: &gathering)
                return ContentAnswer()
            }
        case .file: return readFile(entry, status, plan, waiter, &gathering)
        case .directory, .fifo, .socket, .blockDevice, .characterDevice: return ContentAnswer(row: plan.emptyRow)
        }
    }

    private func readFile(
        _ entry: borrowing CountedEntry, _ status: borrowing FileStatus, _ plan: ContentPlan, _ waiter: Waiter,
        _ gathering: inout Gathering
    ) -> ContentAnswer? {
        let isPseudo: Bool
        do throws(Errno) {
            isPseudo = try isOnPseudoFileSystem(entry, status)
        } catch {
            report(error, "fstatfs", entry.path, into: &gathering)
            return ContentAnswer()
        }
        if isPseudo, !plan.readsPseudo {
            gathering.subtotal.countSkipped()
            return ContentAnswer()
        }
        if status.size > plan.maximumRead {
            report(.fileTooLarge, "read", entry.path, into: &gathering)
            return ContentAnswer()
        }
        if !isPseudo, status.links > 1 || status.size > ContentPlan.inlineSize {
            askFileScan(entry, status, plan, waiter, &gathering)
            return nil
        }
        return settle(
            readNow(entry, status, isPseudo: isPseudo), of: entry.path, status, into: &gathering.subtotal)
    }

    private func readNow(
        _ entry: borrowing CountedEntry, _ status: borrowing FileStatus, isPseudo: Bool
    ) -> Result<ContentAnswer, ContentFailure> {
        do throws(ContentFailure) {
            let reader = try open(entry.cString, in: entry.descriptor, status)
            return .success(isPseudo ? try tools.readUnsized(reader) : try tools.read(reader))
        } catch {
            return .failure(error)
        }
    }

    private func askFileScan(
        _ entry: borrowing CountedEntry, _ status: borrowing FileStatus, _ plan: ContentPlan, _ waiter: Waiter,
        _ gathering: inout Gathering
    ) {
        let reader =
            status.links > 1
            ? plan.linkedFiles.reader(
                of: status, mayLeave: context.devices.isMountedOnce(status.device), scheduler: scheduler)
            : FileScan(scheduler: scheduler)
        gathering.willWait()
        entry.directory?.directory.descriptor.need()
        let request = FileRequest(
            directory: entry.directory, name: Array(entry.name) + [0], path: entry.path,
            entry: KnownEntry(status: copy status, isToBeListed: false), waiter: waiter)
        reader.send { $0.read(request) }
    }

    // MARK: For both ways of reading

    /// Opens the file of a request.
    func open(_ request: FileRequest) throws(ContentFailure) -> FileReader {
        guard let opened = request.directory else {
            return try open(request, in: Kernel.workingDirectory)
        }
        let number: Int32
        do throws(Errno) {
            number = try opened.directory.borrowDescriptor(opened.identity, self)
        } catch {
            throw .call("openat", error)
        }
        defer { opened.directory.descriptor.giveBack() }
        return try open(request, in: number)
    }

    private func open(_ request: FileRequest, in directory: Int32) throws(ContentFailure) -> FileReader {
        try request.name.withUnsafeBytes { (name) throws(ContentFailure) in
            try open(name.baseAddress!.assumingMemoryBound(to: CChar.self), in: directory, request.entry.status)
        }
    }

    private func open(
        _ name: UnsafePointer<CChar>, in directory: Int32, _ status: borrowing FileStatus
    ) throws(ContentFailure) -> FileReader {
        let keepAccessTime = context.user == 0 || context.user == status.uid
        while true {
            do throws(ContentFailure) {
                return try FileReader(
                    name, in: directory, expecting: status.identity, keepAccessTime: keepAccessTime)
            } catch {
                guard error.isShortOfDescriptors, context.descriptors.giveUpOldest() else { throw error }
            }
        }
    }

    /// Notes the outcome of reading a file: the type is counted, a failure becomes an error.
    func settle(
        _ result: Result<ContentAnswer, ContentFailure>, of path: EntryPath, _ status: borrowing FileStatus,
        into subtotal: inout Subtotal
    ) -> ContentAnswer {
        switch result {
        case .success(let answer):
            if let type = answer.type { types[type, default: TypeCount()].add(status.size) }
            return answer
        case .failure(let failure):
            report(failure.record(at: path.bytes), into: &subtotal)
            return ContentAnswer(hasChanged: failure == .changed)
        }
    }

    /// Whether the file's content is made up by the kernel. Asked for once for each device in a row.
    private func isOnPseudoFileSystem(
        _ entry: borrowing CountedEntry, _ status: borrowing FileStatus
    ) throws(Errno) -> Bool {
        let device = status.device
        if let lastDevice, lastDevice.number == device { return lastDevice.isPseudo }
        let isPseudo =
            if let directory = entry.directory, directory.identity.device == device {
                try Kernel.isOnPseudoFileSystem(entry.descriptor)
            } else {
                try Kernel.isOnPseudoFileSystem(entry.cString, in: entry.descriptor)
            }
        lastDevice = (device, isPseudo)
        return isPseudo
    }
}

/// Files of one MIME type.
struct TypeCount {
    var files: Int64 = 0
    var bytes: Int64 = 0

    mutating func add(_ size: Int64) {
        files += 1
        bytes.addSaturating(size)
    }

    mutating func merge(_ other: TypeCount) {
        files.addSaturating(other.files)
        bytes.addSaturating(other.bytes)
    }
}
