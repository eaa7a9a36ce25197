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
        if let completions = worker.completions(of: files, detectors) {
            for (member, completion) in zip(files, completions) { member.request.waiter.receive(completion) }
        } else {
            wait(for: detectors)
        }
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

    /// Asks about the kept files, now or when there is a detector. Call it, and then `takeSettled()`, at the end of any
    /// message that calls `content(of:)`.
    func askAboutUntyped() {
        guard !untyped.isEmpty, let detectors = context.content?.detectors else { return }
        let files = untyped
        untyped = []
        if let token = detectors.resource.tryTake() {
            let completions = completions(of: files, detectors)
            at.leaveFile()
            _ = consume token
            if let completions {
                settled += completions
                return
            }
        }
        FileBatch(files, scheduler: scheduler).wait(for: detectors)
    }

    /// The answers to files of this message that were asked about later. They belong to its waiter, which runs it: a
    /// message for each would cost as much as the question.
    func takeSettled() -> [Completion] {
        defer { settled = [] }
        return settled
    }

    /// For a caller with a token.
    ///
    /// - Returns: nil if there is no detector for it.
    fileprivate func completions(of files: [FileBatch.Member], _ detectors: MIMEDetectors) -> [Completion]? {
        if context.shouldStop { return files.map { completion(of: $0.request, nil) } }
        if let first = files.first { isAt(first.request.path) }
        guard let types = detectors.types(of: files.map(\.file)) else { return nil }
        return zip(files, types).map { member, type in
            do throws(ContentFailure) {
                return completion(of: member.request, .success(try member.file.content(type: type)))
            } catch {
                return completion(of: member.request, .failure(error))
            }
        }
    }
}
