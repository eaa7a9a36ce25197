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
    private var known: (answer: ContentAnswer, status: ContentStatus)?

    // Of the file being read.
    private var reader: FileReader?
    private var digest: MultiDigest?
    private var type: String?
    private var openAttempts = 0

    /// Bytes read in one message: 8 ms of SHA-256.
    private static let piece: Int64 = 16 << 20

    init(scheduler: SchedulerID) { mailbox = Mailbox(scheduler) }

    func read(_ request: FileRequest) {
        waiting.append(request)
        if current == nil { startNext() }
    }

    private func startNext() {
        let worker = ScanWorker.current
        while current == nil, let request = waiting.popLast() {
            if let known, known.status.describesSameContent(as: ContentStatus(request.entry.status)) {
                request.directory?.directory.descriptorNeedEnded(worker)
                finish(request, .success(known.answer), worker)
            } else if worker.context.shouldStop {
                request.directory?.directory.descriptorNeedEnded(worker)
                finish(request, .success(ContentAnswer()), worker)
            } else {
                current = request
                open()
            }
        }
    }

    private func open() {
        guard let request = current else { preconditionFailure("a file is opened for a request") }
        let worker = ScanWorker.current
        let opened: FileReader
        do throws(ContentFailure) {
            opened = try worker.open(request)
        } catch {
            if error.isShortOfDescriptors, openAttempts < Directory.openAttemptsLimit {
                openAttempts += 1
                return send { $0.open() }
            }
            request.directory?.directory.descriptorNeedEnded(worker)
            return end(.failure(error), worker)
        }
        request.directory?.directory.descriptorNeedEnded(worker)
        var reader = opened
        do throws(ContentFailure) {
            let tools = worker.tools
            var digest = MultiDigest(tools.plan.methods)
            digest.begin(length: reader.status.size)
            type = try tools.beginReading(&reader, into: &digest)
            self.reader = consume reader
            self.digest = consume digest
        } catch {
            return end(.failure(error), worker)
        }
        goOn()
    }

    private func goOn() {
        let worker = ScanWorker.current
        guard var reader = self.reader.take(), var digest = self.digest.take() else {
            preconditionFailure("a file is read on after it was opened")
        }
        if worker.context.shouldStop { return end(.success(ContentAnswer()), worker) }
        do throws(ContentFailure) {
            let tools = worker.tools
            guard try tools.finishReading(&reader, into: &digest, budget: Self.piece) else {
                self.reader = consume reader
                self.digest = consume digest
                return send { $0.goOn() }
            }
            var answer = ContentAnswer(type: type)
            if !tools.plan.set.isEmpty { answer.row = tools.row(of: &digest) }
            known = (answer, reader.status)
            end(.success(answer), worker)
        } catch {
            end(.failure(error), worker)
        }
    }

    private func end(_ result: Result<ContentAnswer, ContentFailure>, _ worker: ScanWorker) {
        guard let request = current else { preconditionFailure("a file is read for a request") }
        current = nil
        openAttempts = 0
        finish(request, result, worker)
        startNext()
    }

    private func finish(
        _ request: FileRequest, _ result: Result<ContentAnswer, ContentFailure>, _ worker: ScanWorker
    ) {
        var subtotal = Subtotal()
        let answer = worker.settle(result, of: request.path, request.entry.status, into: &subtotal)
        let name = Array(request.name.dropLast())
        request.waiter.receive(
            Completion(
                subtotal: subtotal,
                content: .entry(name: name, mode: request.entry.status.mode, row: answer.row)))
    }
}
