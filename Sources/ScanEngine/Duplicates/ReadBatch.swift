import WorkStealing

/// A file of a batch; without content if it could not be read, which has been reported.
struct ReadResult: Sendable {
    let index: Int
    let content: ReadContent?
}

/// Small files that are read in one message.
actor ReadBatch: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let files: [(index: Int, file: Candidate)]
    private let size: Int64
    private let stage: ReadStage
    private let sizeClass: SizeClass
    private let search: DuplicateSearch
    /// The queue that has started it.
    private let disk: DiskQueue?

    /// Limits of a batch, which takes a few milliseconds.
    static let mostFiles = 32
    static let mostBytes: Int64 = 4 << 20

    init(
        _ files: [(Int, Candidate)], _ size: Int64, _ stage: ReadStage, _ sizeClass: SizeClass,
        _ search: DuplicateSearch, _ disk: DiskQueue? = nil
    ) {
        mailbox = Mailbox(search.scheduler)
        self.files = files
        (self.size, self.stage, self.sizeClass, self.search) = (size, stage, sizeClass, search)
        self.disk = disk
    }

    func run() {
        let results = Self.read(files, size, stage, search)
        disk?.send { $0.ended(DiskQueue.small) }
        sizeClass.send { $0.received(results) }
    }

    static func read(
        _ files: [(index: Int, file: Candidate)], _ size: Int64, _ stage: ReadStage, _ search: DuplicateSearch
    ) -> [ReadResult] {
        let reader = DuplicateReader.current
        return files.map { index, file in
            if search.shouldStop { return ReadResult(index: index, content: nil) }
            if stage == .whole, let known = reader.takenOver(file, size: size) {
                return ReadResult(index: index, content: known)
            }
            search.progress.come(to: file)
            do throws(ContentFailure) {
                guard let content = try reader.read(stage, file, size: size) else {
                    search.skip(file)
                    return ReadResult(index: index, content: nil)
                }
                search.progress.read(content.bytesRead)
                return ReadResult(index: index, content: content)
            } catch {
                search.fail(error, file.paths[0])
                return ReadResult(index: index, content: nil)
            }
        }
    }
}
