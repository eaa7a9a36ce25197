import WorkStealing

/// Whose content somebody waits for.
struct FileRequest: Sendable {
    /// The directory that the file is in; nil for a PATH, whose `name` is the path itself.
    let directory: OpenedDirectory?
    /// The name, followed by a NUL.
    let name: [UInt8]
    let path: EntryPath
    let entry: KnownEntry
    /// Gets one `Completion`.
    let waiter: Waiter
}

/// Reads one file that is too large for the message that met it, or that has several names.
///
/// A large file is read a piece to a message. An inode with several links has one such actor, whose mailbox sees to it
/// that it is read once: requests that come while it is being read wait, and those that come later get the same answer,
/// as long as the inode's attributes are the same.
actor FileScan: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private var waiting: [FileRequest] = []
    private var current: FileRequest?
    /// What has been found out, and what the inode looked like then.
    private var known: (content: FileContent, status: ContentStatus)?
    private var openAttempts = 0

    init(scheduler: SchedulerID) { mailbox = Mailbox(scheduler) }

    /// Somebody wants to know the content of this inode.
    func read(_ request: FileRequest) {
        waiting.append(request)
        if current == nil { startNext() }
    }

    /// Somebody has opened a large file, which is to be read.
    func goOn(with file: LargeFile, for request: FileRequest) {
        current = request
        request.directory?.directory.descriptorNeedEnded(ScanWorker.current)
        goOn(with: file)
    }

    private func startNext() {
        let worker = ScanWorker.current
        while current == nil, let request = waiting.popLast() {
            let status = ContentStatus(request.entry.status)
            if let known, known.status.describesSameContent(as: status) {
                request.directory?.directory.descriptorNeedEnded(worker)
                answer(request, .success(known.content), worker)
            } else if worker.context.shouldStop {
                request.directory?.directory.descriptorNeedEnded(worker)
                answer(request, nil, worker)
            } else {
                current = request
                open()
            }
        }
    }

    private func open() {
        guard let request = current else { preconditionFailure("a file is opened for a request") }
        let worker = ScanWorker.current
        let result: Result<ContentStage.Outcome, ContentFailure>
        do throws(ContentFailure) {
            result = .success(try worker.inspect(request))
        } catch {
            if error.isShortOfDescriptors, openAttempts < Directory.openAttemptsLimit {
                openAttempts += 1
                return send { $0.open() }
            }
            result = .failure(error)
        }
        request.directory?.directory.descriptorNeedEnded(worker)
        switch result {
        case .success(.done(let content)): end(.success(content), worker)
        case .success(.large(let file)): goOn(with: file)
        case .failure(let failure): end(.failure(failure), worker)
        }
    }

    /// Reads a piece; the rest is for further messages, which come behind what others have sent meanwhile.
    private func goOn(with file: LargeFile) {
        let worker = ScanWorker.current
        if worker.context.shouldStop { return end(nil, worker) }
        switch worker.advance(file) {
        case .success(nil): send { $0.goOn(with: file) }
        case .success(let content?): end(.success(content), worker)
        case .failure(let failure): end(.failure(failure), worker)
        }
    }

    /// - Parameter result: nil if the scan was stopped first.
    private func end(_ result: Result<FileContent, ContentFailure>?, _ worker: ScanWorker) {
        guard let request = current else { preconditionFailure("a file is read for a request") }
        current = nil
        openAttempts = 0
        if case .success(let content) = result { known = (content, ContentStatus(request.entry.status)) }
        answer(request, result, worker)
        startNext()
    }

    private func answer(
        _ request: FileRequest, _ result: Result<FileContent, ContentFailure>?, _ worker: ScanWorker
    ) {
        var subtotal = Subtotal()
        let status = request.entry.status
        let answer: ContentAnswer
        switch result {
        case .success(let content): answer = worker.settle(content, of: request.path, status, into: &subtotal)
        case .failure(let failure): answer = worker.failed(failure, request.path, into: &subtotal)
        case nil:
            answer = .unknown
            subtotal.isWhole = false
        }
        worker.record(request.path, .file, status, answer)
        let name = Array(request.name.dropLast())
        request.waiter.receive(
            Completion(subtotal: subtotal, content: .entry(name: name, mode: status.mode, row: answer.row)))
    }
}
