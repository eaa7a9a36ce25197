// The files of one size, stage by stage:
//
//   all ──▶ ends (4 KiB each) ──▶ same ends: whole ──▶ same digest: a group
//             │ alone               │ alone
//             ▼                     ▼
//           occurs once           occurs once
//
// Small files skip the first stage, and the scan has read most of them (`SizesMet`). A batch of small files is a message
// to its own actor, which others can steal. A large file is an actor that sends itself a message for each piece.

import Bytes
import Entries
import LinuxKernel
import WorkStealing

actor SizeClass: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let size: Int64
    /// The weight of all names of its files in the progress.
    private let weight: Int64
    private let search: DuplicateSearch
    private var members: [Candidate]
    /// This stage's result for each member; nil if it was not read, or could not be.
    private var keys: [[UInt8]?]
    /// Members that could not be read: neither equal nor different.
    private var unread: Set<Int> = []
    private var stage = ReadStage.ends
    /// Files that are being read.
    private var waiting = 0
    private var groups: [[Int]] = []
    private var filesRead: Int64 = 0
    private var bytesRead: Int64 = 0

    init(_ size: Int64, _ members: [Candidate], weight: Int64, _ search: DuplicateSearch) {
        mailbox = Mailbox(search.scheduler)
        (self.size, self.members, self.weight, self.search) = (size, members, weight, search)
        keys = Array(repeating: nil, count: members.count)
    }

    func start() {
        if size == 0 {
            groups = [Array(members.indices)]
            return read(.ends, Array(members.indices))
        }
        let isSmall = size <= Self.wholeAtOnce
        read(!search.options.comparesBytes && (isSmall || allAreKnown()) ? .whole : .ends, Array(members.indices))
    }

    /// Whether an earlier scan has the digests of all members.
    private func allAreKnown() -> Bool {
        guard search.hasBaseline else { return false }
        let reader = DuplicateReader.current
        return members.allSatisfy { reader.takenOver($0, size: size) != nil }
    }

    /// A file up to this size is read as fast as its ends, because the kernel reads ahead.
    private static let wholeAtOnce = SizesMet.largest

    // MARK: Stages

    private func read(_ stage: ReadStage, _ indices: [Int]) {
        self.stage = stage
        keys = Array(repeating: nil, count: members.count)
        let indices = stage == .whole ? indices.filter { !takeDigest(of: $0) } : indices
        let isLarge = stage != .ends && size > LargeRead.messageBytes
        waiting = indices.count
        let ordered = readInOrder(stage, indices, isLarge: isLarge)
        if ordered.count == indices.count { return indices.isEmpty ? endStage() : () }
        let rest = ordered.isEmpty ? indices : indices.filter { !ordered.contains($0) }
        if isLarge {
            for index in rest {
                let read = LargeRead(index, members[index], size, stage, self, search)
                read.send(holding: search.largeFiles) { $0.start(holding: $1) }
            }
            return
        }
        let bytesEach = stage == .ends ? 8192 : max(size, 1)
        let length = max(1, min(ReadBatch.mostFiles, Int(ReadBatch.mostBytes / bytesEach)))
        var batches: [ReadBatch] = []
        for start in stride(from: 0, to: rest.count, by: length) {
            let part = rest[start..<min(start + length, rest.count)]
            batches.append(ReadBatch(part.map { ($0, members[$0]) }, size, stage, self, search))
        }
        for batch in batches.dropFirst() { batch.send { $0.run() } }
        // The first batch is read here: most classes have only one.
        if let first = batches.first { received(ReadBatch.read(first.files, size, stage, search)) }
    }

    /// Hands the files on disks that turn to the queues of these disks.
    ///
    /// - Returns: their indices.
    private func readInOrder(_ stage: ReadStage, _ indices: [Int], isLarge: Bool) -> Set<Int> {
        var ordered: Set<Int> = []
        var last: (device: UInt64, queue: DiskQueue?)?
        for index in indices {
            let file = members[index]
            let device = file.identity.device
            if last?.device != device { last = (device, search.disks.queue(ofDevice: device, search)) }
            guard let queue = last?.queue else { continue }
            ordered.insert(index)
            let place = DuplicateReader.current.place(of: file)
            let read: DiskQueue.Read =
                isLarge
                ? .large(LargeRead(index, file, size, stage, self, search, queue))
                : .small(ReadBatch([(index, file)], size, stage, self, search, queue))
            queue.send { $0.add(read, at: place) }
        }
        return ordered
    }

    /// - Returns: false if the scan has not read it.
    private func takeDigest(of index: Int) -> Bool {
        guard let digest = members[index].digest, let status = members[index].status else { return false }
        keys[index] = digest
        filesRead += 1
        let read = min(size, status.allocatedBytes)
        bytesRead += read
        search.progress.read(read)
        return true
    }

    func received(_ results: [ReadResult]) {
        for result in results {
            guard let content = result.content else {
                unread.insert(result.index)
                continue
            }
            keys[result.index] = content.key
            members[result.index].status = content.status
            filesRead += content.isTakenOver ? 0 : 1
            bytesRead += content.bytesRead
        }
        waiting -= results.count
        if waiting == 0 { endStage() }
    }

    private func endStage() {
        if search.shouldStop { return finish() }
        if size == 0 {
            groups = [members.indices.filter { !unread.contains($0) }].filter { $0.count > 1 }
            return finish()
        }
        let sets = Self.sets(keys)
        guard stage == .ends else {
            groups = sets
            return finish()
        }
        if search.options.comparesBytes { return compare(sets[...]) }
        let rest = sets.flatMap { $0 }
        if rest.isEmpty { return finish() }
        let isSparse = rest.contains { index in
            members[index].status.map { size - $0.allocatedBytes > Self.mostZeros } ?? false
        }
        read(isSparse ? .chunks : .whole, rest)
    }

    /// Holes up to this size are fed to the digest as zeros, which takes a few milliseconds.
    private static let mostZeros: Int64 = 64 << 20

    /// Sets of two or more members with the same key, in order.
    private static func sets(_ keys: [[UInt8]?]) -> [[Int]] {
        var sets: [ByteKey: [Int]] = [:]
        for (index, key) in keys.enumerated() { if let key { sets[ByteKey(key), default: []].append(index) } }
        return sets.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }

    /// Compares one set per message, to keep messages short.
    private func compare(_ sets: ArraySlice<[Int]>) {
        guard let set = sets.first, !search.shouldStop else { return finish() }
        var comparison = ByteComparison(size, DuplicateReader.current, atATime: search.comparedAtATime)
        let outcome = comparison.classes(of: set.map { ($0, members[$0]) }) { search.shouldStop }
        for (index, failure) in outcome.failures {
            unread.insert(index)
            search.fail(failure, members[index].paths[0])
        }
        bytesRead += comparison.bytesRead
        search.progress.read(comparison.bytesRead)
        groups += outcome.classes.map { $0.filter { !unread.contains($0) } }.filter { $0.count > 1 }
        let rest = sets.dropFirst()
        send { $0.compare(rest) }
    }

    // MARK: The end

    private func finish() {
        search.progress.pass(weight &- bytesRead)
        var result = SizeClassResult(candidates: members.count, filesRead: filesRead, bytesRead: bytesRead)
        let isStopped = search.shouldStop
        if !isStopped {
            for group in groups { result.groups.append(makeGroup(group)) }
            if search.options.wantsUnique {
                let grouped = Set(groups.joined())
                for index in members.indices where !grouped.contains(index) && !unread.contains(index) {
                    result.unique.append(members[index])
                }
            }
        }
        search.queue.send { [result] in $0.ended(result) }
    }

    private func makeGroup(_ group: [Int]) -> DuplicateGroup {
        var inodes = group.map { index in
            guard let status = members[index].status else { preconditionFailure("a file in a group was read") }
            return DuplicateInode(identity: members[index].identity, paths: members[index].paths, status: status)
        }
        inodes.sort { $0.paths[0].precedes($1.paths[0]) }
        search.options.keep.bringToFront(&inodes)
        let reader = DuplicateReader.current
        let space = SharedSpace(
            inodes.map { inode in
                let candidate = Candidate(identity: inode.identity, paths: inode.paths, status: nil)
                return SharedSpace.File(
                    device: inode.identity.device, diskBytes: inode.status.allocatedBytes,
                    extents: reader.extents(of: candidate))
            })
        var digest: NamedDigest?
        if stage == .whole, let key = keys[group[0]] { digest = search.digests.named(key).first }
        return DuplicateGroup(
            size: size, inodes: inodes, digest: digest, reclaimableBytes: space.reclaimable, sharedBytes: space.shared)
    }
}

/// The result for the files of one size.
struct SizeClassResult: Sendable {
    let candidates: Int
    let filesRead: Int64
    let bytesRead: Int64
    var groups: [DuplicateGroup] = []
    var unique: [Candidate] = []
}

/// A file of a batch; without content if it could not be read, which has been reported.
struct ReadResult: Sendable {
    let index: Int
    let content: ReadContent?
}

/// Small files that are read in one message.
actor ReadBatch: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    nonisolated let files: [(index: Int, file: Candidate)]
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
        let buffer = opened.piece(of: DuplicateReader.current.buffer)
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
