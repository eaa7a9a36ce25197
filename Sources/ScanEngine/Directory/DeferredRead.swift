import Entries
import LinuxKernel
import WorkStealing

/// A request for the content of a file.
struct FileRequest: Sendable {
    /// The directory of the file; nil for a PATH, whose `name` is the path itself.
    let directory: OpenedDirectory?
    /// The name, followed by a NUL.
    let name: [UInt8]
    let path: EntryPath
    let entry: StatedEntry
    /// See `ContentReader.inspect`.
    let hasSize: Bool
    /// The value for `EntryContent.xattrs`.
    let xattrs: [ExtendedAttribute]?
    /// The digests in the baseline, if the file looks unchanged but is read anyway.
    let saved: [UInt8]?
    /// Kept until the request is answered.
    var place: DirectoryPlace?
    /// Gets one `Completion`.
    let waiter: Waiter
}

/// Reads one file that is too large for the message that found it, or that has several names, or for which no detector
/// was free.
///
/// ```
///   read(request) ─▶ waiting ─▶ current: open ──▶ small: end
///                       ▲          │   ▲  │
///                       │          │   │  ├──▶ no detector is free: wait for one ─▶ end
///                       │          │   └──┘
///                       │          ▼   │
///                       │   large: wait for a place ─▶ open ─▶ a piece to a message ─▶ end
///                       └─────────────────────────────────────────────────────────────┘
/// ```
///
/// A large file is read in one piece per message, and `SharedContent.largeFiles` limits how many are open. A small file
/// that waits for a detector has already been read, and stays open; if too many are open, it is opened and read again.
///
/// An inode with several links has one such actor, whose mailbox ensures that it is read once: requests wait while it
/// is being read, and later ones get the same answer, as long as the inode's attributes are the same: see
/// `LinkedFiles`.
actor DeferredRead: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private var waiting: [FileRequest] = []
    private var current: FileRequest?
    /// Held while reading a large file.
    private var place: Resource.Token?
    /// The result.
    private var known: KnownContent?
    /// For the current request.
    private var leaseAttempts = LeaseAttempts()

    init(scheduler: SchedulerID) { mailbox = Mailbox(scheduler) }

    // MARK: Messages

    /// A request for the content of this inode.
    func read(_ request: FileRequest) {
        waiting.append(request)
        startWaiting()
    }

    /// A token for a large file is available.
    private func openLarge(in place: consuming Resource.Token) {
        self.place = consume place
        openOnceMore()
    }

    /// Retries the current request: see `LeasedFiles`.
    func openOnceMore() {
        open()
        startWaiting()
    }

    /// Finishes a request, the current or the only one, when there is a detector for it: its file has already been
    /// read.
    nonisolated func wait(for detectors: MIMEDetectors?, toFinish file: UntypedFile, _ request: FileRequest) {
        guard let detectors else { preconditionFailure("a MIME type is missing, but none was requested") }
        send(holding: detectors.resource) { $0.finish(file, request, detectors, $1) }
    }

    private func finish(
        _ file: UntypedFile, _ request: FileRequest, _ detectors: MIMEDetectors, _ detector: consuming Resource.Token
    ) {
        let worker = WorkerLocals.current
        current = request
        if worker.shouldStop {
            end(nil, worker)
        } else {
            do throws(ContentFailure) {
                guard let content = try file.content(from: detectors, detector) else {
                    return wait(for: detectors, toFinish: file, request)
                }
                end(.success(content), worker)
            } catch {
                end(.failure(error), worker)
            }
        }
        startWaiting()
    }

    /// There is a detector for the current request, whose file is opened again.
    private func open(holding detector: consuming Resource.Token) {
        open(hasDetector: true)
        _ = consume detector
        startWaiting()
    }

    /// Reads a piece; further messages, queued behind those of others, read the rest.
    private func goOn(with file: LargeFile) {
        let worker = WorkerLocals.current
        if worker.shouldStop {
            end(nil, worker)
        } else {
            if let current { worker.isAt(current.path) }
            defer { worker.isDone() }
            switch worker.advance(file) {
            case .success(nil): send { $0.goOn(with: file) }
            case .success(let content?): end(.success(content), worker)
            case .failure(let failure): end(.failure(failure), worker)
            }
        }
        startWaiting()
    }

    // MARK: One request after the other

    /// The end of each message: a loop, because thousands of links with available answers may wait.
    private func startWaiting() {
        let worker = WorkerLocals.current
        while current == nil, let request = waiting.popLast() {
            if let known, known.describes(ContentStatus(request.entry.status)) {
                request.directory?.directory.descriptorNeedEnded(worker)
                worker.answer(request, known.result)
            } else {
                current = request
                open()
            }
        }
    }

    /// Opens the current request's file and reads it. Afterwards there is no current request, or a message is queued,
    /// or will be queued when the awaited resource is available.
    private func open(hasDetector: Bool = false) {
        guard let request = current else { preconditionFailure("a file is opened for a request") }
        let worker = WorkerLocals.current
        if worker.shouldStop {
            request.directory?.directory.descriptorNeedEnded(worker)
            return end(nil, worker)
        }
        worker.isAt(request.path)
        defer { worker.isDone() }
        guard let shared = worker.context.content else { preconditionFailure("no content was requested") }
        if place == nil, shared.isReadInPieces(size: request.entry.status.size) {
            place = shared.largeFiles.tryTake()
            if place == nil { return send(holding: shared.largeFiles) { $0.openLarge(in: $1) } }
        }
        let result: Result<ContentReader.Outcome, ContentFailure>
        do throws(ContentFailure) {
            result = .success(try worker.inspect(request, hasDetector: hasDetector))
        } catch {
            // A pseudo file may return any error, forever.
            if request.hasSize, worker.mayTryAgain(after: error) {
                return send { $0.openOnceMore() }
            }
            if request.hasSize, error.isLeased, let pause = leaseAttempts.nextPause() {
                // Meanwhile others can read large files, and go through other directories.
                place = nil
                current?.place = nil
                return worker.context.leasedFiles(on: worker.scheduler).send { [self] in $0.add(self, after: pause) }
            }
            result = .failure(error)
        }
        if case .success(.lacksDetector) = result, let detectors = shared.detectors {
            return send(holding: detectors.resource) { $0.open(holding: $1) }
        }
        request.directory?.directory.descriptorNeedEnded(worker)
        switch result {
        case .success(.done(let content)): end(.success(content), worker)
        case .success(.large(let file)): send { $0.goOn(with: file) }
        case .success(.untyped(let file)): wait(for: shared.detectors, toFinish: file, request)
        case .success(.lacksDetector): preconditionFailure("a detector is missing, but no MIME type was requested")
        case .failure(let failure): end(.failure(failure), worker)
        }
    }

    /// - Parameter result: nil if the scan was stopped first.
    private func end(_ result: Result<FileContent, ContentFailure>?, _ worker: WorkerLocals) {
        guard let request = current else { preconditionFailure("a file is read for a request") }
        current = nil
        place = nil
        leaseAttempts = LeaseAttempts()
        let status = request.entry.status
        if let result, status.links > 1, Self.isAboutContent(result) {
            let content = KnownContent(result, ContentStatus(status))
            known = content
            worker.context.linkedFiles.settle(status.identity, self, content)
        }
        worker.answer(request, result)
    }

    /// Whether another name of the inode gets the same answer. Not if this name could not be opened: another may be.
    private static func isAboutContent(_ result: Result<FileContent, ContentFailure>) -> Bool {
        switch result {
        case .success, .failure(.changed): true
        case .failure(.call(let operation, _)): operation == "read"
        case .failure(.type), .failure(.helper): false
        }
    }
}

extension WorkerLocals {
    /// Sends the result for a file to its waiter.
    ///
    /// - Parameter result: nil if the scan was stopped first.
    func answer(_ request: FileRequest, _ result: Result<FileContent, ContentFailure>?) {
        request.waiter.receive(completion(of: request, result))
    }

    /// Settles and records a file.
    func completion(of request: FileRequest, _ result: Result<FileContent, ContentFailure>?) -> Completion {
        var subtotal = Subtotal()
        let status = request.entry.status
        var answer: EntryContent
        if let result {
            answer = settle(result, of: request.path, status, saved: request.saved, into: &subtotal)
        } else {
            answer = EntryContent()
            subtotal.isWhole = false
            unfinished.add(request.path)
        }
        answer.xattrs = request.xattrs
        let state = record(request.path, .file, status, answer)
        let name = Array(request.name.dropLast())
        return Completion(
            subtotal: subtotal, content: .entry(name: name, mode: status.mode, row: answer.digests, state: state))
    }
}
