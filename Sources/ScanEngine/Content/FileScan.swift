import WorkStealing

/// Whose content somebody waits for.
struct FileRequest: Sendable {
    /// The directory that the file is in; nil for a PATH, whose `name` is the path itself.
    let directory: OpenedDirectory?
    /// The name, followed by a NUL.
    let name: [UInt8]
    let path: EntryPath
    let entry: KnownEntry
    /// What `ContentAnswer.xattrs` is to be.
    let xattrs: [ExtendedAttribute]?
    /// Gets one `Completion`.
    let waiter: Waiter
}

/// Reads one file that is too large for the message that met it, or that has several names.
///
/// ```
///   read(request) ─▶ waiting ─▶ current: open ──▶ small: end
///                       ▲                 │
///                       │                 └──▶ large: wait for a place ─▶ open ─▶ a piece to a message ─▶ end
///                       └────────────────────────────────────────────────────────────────────────────────┘
/// ```
///
/// A large file is read a piece to a message, and no more of them are open at a time than `LargeFilePlaces` has places.
/// An inode with several links has one such actor, whose mailbox sees to it that it is read once: requests that come
/// while it is being read wait, and those that come later get the same answer, as long as the inode's attributes are the
/// same: see `LinkedFiles`.
actor FileScan: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private var waiting: [FileRequest] = []
    private var current: FileRequest?
    private var hasPlace = false
    /// What has been found out.
    private var known: KnownContent?

    init(scheduler: SchedulerID) { mailbox = Mailbox(scheduler) }

    // MARK: Messages

    /// Somebody wants to know the content of this inode.
    func read(_ request: FileRequest) {
        waiting.append(request)
        startWaiting()
    }

    /// A place for a large file is free, and it is this actor's.
    func placeIsFree() {
        hasPlace = true
        openOnceMore()
    }

    private func openOnceMore() {
        open()
        startWaiting()
    }

    /// Reads a piece; the rest is for further messages, which come behind what others have sent meanwhile.
    private func goOn(with file: LargeFile) {
        let worker = ScanWorker.current
        if worker.context.shouldStop {
            end(nil, worker)
        } else {
            switch worker.advance(file) {
            case .success(nil): send { $0.goOn(with: file) }
            case .success(let content?): end(.success(content), worker)
            case .failure(let failure): end(.failure(failure), worker)
            }
        }
        startWaiting()
    }

    // MARK: One request after the other

    /// The end of each message: a loop, as thousands of links may wait whose answers are at hand.
    private func startWaiting() {
        let worker = ScanWorker.current
        while current == nil, let request = waiting.popLast() {
            if let known, known.describes(ContentStatus(request.entry.status)) {
                request.directory?.directory.descriptorNeedEnded(worker)
                answer(request, known.result, worker)
            } else {
                current = request
                open()
            }
        }
    }

    /// Opens the current request's file and finds out about it. Afterwards there is none, or a message is on its way.
    private func open() {
        guard let request = current else { preconditionFailure("a file is opened for a request") }
        let worker = ScanWorker.current
        if worker.context.shouldStop {
            request.directory?.directory.descriptorNeedEnded(worker)
            return end(nil, worker)
        }
        guard let plan = worker.context.content else { preconditionFailure("content is read by a plan") }
        if !hasPlace, plan.isReadInPieces(size: request.entry.status.size) {
            guard plan.largeFiles.take(for: self) else { return }
            hasPlace = true
        }
        let result: Result<ContentStage.Outcome, ContentFailure>
        do throws(ContentFailure) {
            result = .success(try worker.inspect(request))
        } catch {
            if worker.mayTryAgain(after: error) {
                return send { $0.openOnceMore() }
            }
            result = .failure(error)
        }
        request.directory?.directory.descriptorNeedEnded(worker)
        switch result {
        case .success(.done(let content)): end(.success(content), worker)
        case .success(.large(let file)): send { $0.goOn(with: file) }
        case .failure(let failure): end(.failure(failure), worker)
        }
    }

    /// - Parameter result: nil if the scan was stopped first.
    private func end(_ result: Result<FileContent, ContentFailure>?, _ worker: ScanWorker) {
        guard let request = current else { preconditionFailure("a file is read for a request") }
        current = nil
        if hasPlace {
            hasPlace = false
            worker.context.content?.largeFiles.giveBack()
        }
        let status = request.entry.status
        if let result, status.links > 1, Self.isAboutContent(result) {
            let content = KnownContent(result, ContentStatus(status))
            known = content
            worker.context.content?.linkedFiles.settle(status.identity, self, content)
        }
        answer(request, result, worker)
    }

    /// Whether another name of the inode gets the same answer. Not where the name could not be opened: another may be.
    private static func isAboutContent(_ result: Result<FileContent, ContentFailure>) -> Bool {
        switch result {
        case .success, .failure(.changed): true
        case .failure(.call(let operation, _)): operation == "read"
        case .failure(.type): false
        }
    }

    private func answer(
        _ request: FileRequest, _ result: Result<FileContent, ContentFailure>?, _ worker: ScanWorker
    ) {
        var subtotal = Subtotal()
        let status = request.entry.status
        var answer: ContentAnswer
        if let result {
            answer = worker.settle(result, of: request.path, status, into: &subtotal)
        } else {
            answer = .unknown
            subtotal.isWhole = false
        }
        answer.xattrs = request.xattrs
        let state = worker.record(request.path, .file, status, answer)
        let name = Array(request.name.dropLast())
        request.waiter.receive(
            Completion(
                subtotal: subtotal, content: .entry(name: name, mode: status.mode, row: answer.row, state: state)))
    }
}
