import WorkStealing

/// Files of a directory, or of a slice of one, of which everything but the types is known, for one question to
/// libmagic.
actor FileBatch: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let files: [Member]

    struct Member: Sendable {
        let file: UntypedFile
        let request: FileRequest
    }

    init(_ files: [Member], scheduler: SchedulerID) {
        mailbox = Mailbox(scheduler)
        self.files = files
    }

    /// Answers the requests when there is a detector.
    nonisolated func wait(for detectors: MIMEDetectors) {
        send(holding: detectors.resource) { $0.finish(detectors, $1) }
    }

    private func finish(_ detectors: MIMEDetectors, _ detector: consuming Resource.Token) {
        let worker = WorkerLocals.current
        if !worker.finish(files, detectors) { wait(for: detectors) }
        worker.isDone()
        _ = consume detector
    }
}

extension WorkerLocals {
    /// Keeps a file until several can be asked about together; at the latest until all entries are done.
    func askLater(_ file: UntypedFile, _ request: FileRequest) {
        untyped.append(FileBatch.Member(file: file, request: request))
        if untyped.count == MIMEDetectors.mostFiles { askAboutUntyped() }
    }

    /// Asks about the kept files, now or when there is a detector. Call it at the end of any message that calls
    /// `content(of:)`.
    func askAboutUntyped() {
        guard !untyped.isEmpty, let detectors = context.content?.detectors else { return }
        let files = untyped
        untyped = []
        if let token = detectors.resource.tryTake() {
            let isDone = finish(files, detectors)
            _ = consume token
            if isDone { return }
        }
        FileBatch(files, scheduler: scheduler).wait(for: detectors)
    }

    /// For a caller with a token.
    ///
    /// - Returns: false if there is no detector for it.
    fileprivate func finish(_ files: [FileBatch.Member], _ detectors: MIMEDetectors) -> Bool {
        if context.shouldStop {
            for member in files { answer(member.request, nil) }
            return true
        }
        if let first = files.first { isAt(first.request.path) }
        guard let types = detectors.types(of: files.map(\.file)) else { return false }
        for (member, type) in zip(files, types) {
            do throws(ContentFailure) {
                answer(member.request, .success(try member.file.content(type: type)))
            } catch {
                answer(member.request, .failure(error))
            }
        }
        return true
    }
}
