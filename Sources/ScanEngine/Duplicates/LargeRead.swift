import WorkStealing

/// A large file, read in pieces, one message each.
actor LargeRead: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let index: Int
    private let file: Candidate
    private let size: Int64
    private let stage: ReadStage
    private let sizeClass: SizeClass
    private let search: DuplicateSearch
    /// The queue that has started it.
    private let disk: DiskQueue?
    private var opened: OpenFile?
    private var digest: MultiDigest
    /// Bytes of it that the progress has counted.
    private var counted: Int64 = 0
    /// Its share of the limit on open large files.
    private var place: LimitedResource.Token?

    /// Larger files are read in pieces of this size.
    static let messageBytes: Int64 = 16 << 20

    init(
        _ index: Int, _ file: Candidate, _ size: Int64, _ stage: ReadStage, _ sizeClass: SizeClass,
        _ search: DuplicateSearch, _ disk: DiskQueue? = nil
    ) {
        mailbox = Mailbox(search.scheduler)
        (self.index, self.file, self.size, self.stage) = (index, file, size, stage)
        (self.sizeClass, self.search, self.disk) = (sizeClass, search, disk)
        digest = MultiDigest(search.methods)
    }

    func start(holding token: consuming LimitedResource.Token) {
        place = consume token
        search.progress.come(to: file)
        if stage == .whole, let known = DuplicateReader.current.takenOver(file, size: size) { return end(known) }
        do throws(ContentFailure) {
            guard !search.shouldStop, let opened = try DuplicateReader.current.open(file) else {
                if !search.shouldStop { search.skip(file) }
                return end(nil)
            }
            try opened.confirm(size, file.status)
            self.opened = opened
        } catch {
            search.fail(error, file.paths[0])
            return end(nil)
        }
        if stage == .whole { digest.begin(length: size) } else { digest.beginLane(0) }
        goOn()
    }

    private func goOn() {
        guard let opened, !search.shouldStop else { return end(nil) }
        let buffer = DuplicateReader.current.buffer
        do throws(ContentFailure) {
            let isAtEnd =
                try stage == .whole
                ? opened.reader.feed(&digest, budget: Self.messageBytes, through: buffer)
                : opened.feedChunks(&digest, budget: Self.messageBytes, through: buffer)
            search.progress.come(to: file)
            count(stage == .whole ? opened.reader.bytesRead : opened.bytesRead)
            guard isAtEnd else { return send { $0.goOn() } }
            end(stage == .whole ? opened.finish(&digest) : opened.finishChunks(&digest))
        } catch {
            search.fail(error, file.paths[0])
            end(nil)
        }
    }

    /// - Parameter bytesRead: so far.
    private func count(_ bytesRead: Int64) {
        search.progress.read(bytesRead - counted)
        counted = bytesRead
    }

    private func end(_ content: ReadContent?) {
        // A file that could not be read to its end does not count.
        count(content?.bytesRead ?? 0)
        opened = nil
        place = nil
        disk?.send { $0.ended(DiskQueue.large) }
        let result = ReadResult(index: index, content: content)
        sizeClass.send { $0.received([result]) }
    }
}
