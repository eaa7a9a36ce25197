// The files of one size, stage by stage, and of some sizes, one after the other:
//
//   all ──▶ ends (4 KiB each) ──▶ same ends: whole ──▶ same digest: a group
//             │ alone               │ alone
//             ▼                     ▼
//           occurs once           occurs once
//
// Small files skip the first stage, and the scan has read most of them (`SizesMet`). A batch of small files is a
// message to its own actor, which others can steal. A large file is an actor that sends itself a message for each piece.

import Bytes
import Entries
import LinuxKernel
import WorkStealing

actor SizeClass: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let search: DuplicateSearch
    private let queue: DuplicateQueue
    /// Those that are not done, the next one last.
    private var sizes: [SizedFiles]
    private var result: SizeClassResult
    private var isBusy = false

    // Of the size that is being compared.
    private var size: Int64 = 0
    /// Of all names of its files in the progress.
    private var weight: Int64 = 0
    private var members: [Candidate] = []
    /// This stage's result for each member; nil if it was not read, or could not be.
    private var keys: [[UInt8]?] = []
    /// Members that could not be read: neither equal nor different.
    private var unread: Set<Int> = []
    private var stage = ReadStage.ends
    /// Files that are being read.
    private var waiting = 0
    private var groups: [[Int]] = []
    private var filesRead: Int64 = 0
    private var bytesRead: Int64 = 0

    init(_ sizes: [SizedFiles], _ search: DuplicateSearch, _ queue: DuplicateQueue) {
        mailbox = Mailbox(search.scheduler)
        (self.search, self.queue) = (search, queue)
        self.sizes = sizes.reversed()
        result = SizeClassResult(candidates: sizes.reduce(0) { $0 + $1.inodes.count })
    }

    // MARK: Messages

    func start() { goOn() }

    func received(_ results: [ReadResult]) {
        take(results)
        goOn()
    }

    private func compareOn(_ sets: ArraySlice<[Int]>) {
        compare(sets)
        goOn()
    }

    // MARK: One size after the other

    /// The end of each message. A loop, because a size whose digests are known is done at once.
    private func goOn() {
        while !isBusy {
            guard let next = sizes.popLast() else { return queue.send { [result] in $0.ended(result) } }
            isBusy = true
            (size, members, weight) = (next.size, next.inodes, next.weight)
            (unread, groups, filesRead, bytesRead) = ([], [], 0, 0)
            begin()
        }
    }

    private func begin() {
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
        for start in stride(from: length, to: rest.count, by: length) {
            let part = rest[start..<min(start + length, rest.count)]
            ReadBatch(part.map { ($0, members[$0]) }, size, stage, self, search).send { $0.run() }
        }
        // The first batch is read here: most classes have only one.
        if !rest.isEmpty { take(ReadBatch.read(rest.prefix(length).map { ($0, members[$0]) }, size, stage, search)) }
    }

    /// Hands the files on disks that turn to the queues of these disks.
    ///
    /// - Returns: their indices.
    private func readInOrder(_ stage: ReadStage, _ indices: [Int], isLarge: Bool) -> Set<Int> {
        var ordered: Set<Int> = []
        var last: (device: UInt64, queue: DiskQueue?)?
        for index in indices {
            let device = members[index].identity.device
            if last?.device != device { last = (device, DuplicateReader.current.disk(ofDevice: device, search)) }
            guard let queue = last?.queue else { continue }
            let file = members[index]
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

    private func take(_ results: [ReadResult]) {
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
        if keys.count <= fewKeys { return setsOfFew(keys) }
        var sets: [ByteKey: [Int]] = [:]
        for (index, key) in keys.enumerated() { if let key { sets[ByteKey(key), default: []].append(index) } }
        return sets.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }

    /// So few are compared with each other, which takes less time than a table of them.
    private static let fewKeys = 16

    private static func setsOfFew(_ keys: [[UInt8]?]) -> [[Int]] {
        var sets: [[Int]] = []
        var isTaken: UInt32 = 0
        for (index, key) in keys.enumerated() where isTaken & 1 << index == 0 {
            guard let key else { continue }
            var set: [Int] = []
            for other in index + 1..<max(keys.count, index + 1) where keys[other].map(ByteKey.init) == ByteKey(key) {
                set.append(other)
                isTaken |= 1 << other
            }
            if !set.isEmpty { sets.append([index] + set) }
        }
        return sets
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
        send { $0.compareOn(rest) }
    }

    // MARK: The end

    private func finish() {
        isBusy = false
        search.progress.pass(weight &- bytesRead)
        result.report.totals.filesRead += filesRead
        result.report.totals.bytesRead.addSaturating(bytesRead)
        if search.shouldStop { return }
        for group in groups.map(makeGroup).sorted(by: DuplicateGroup.precedes) { result.report.add(group) }
        if search.options.wantsUnique {
            let grouped = Set(groups.joined())
            for index in members.indices where !grouped.contains(index) && !unread.contains(index) {
                result.unique.append(members[index])
            }
        }
    }

    private func makeGroup(_ group: [Int]) -> DuplicateGroup {
        var inodes = group.map { index in
            guard let status = members[index].status else { preconditionFailure("a file in a group was read") }
            return DuplicateInode(identity: members[index].identity, paths: members[index].paths, status: status)
        }
        var digest: NamedDigest?
        if stage == .whole, let key = keys[group[0]] { digest = search.digests.named(key).first }
        let reader = DuplicateReader.current
        if inodes.allSatisfy({ reader.isKnownToShareNothing($0.identity.device) }) {
            return DuplicateGroup(inodes, size: size, digest: digest, keep: search.options.keep)
        }
        inodes.sort { $0.paths[0].precedes($1.paths[0]) }
        search.options.keep.bringToFront(&inodes)
        let space = SharedSpace(
            inodes.map { inode in
                let candidate = Candidate(identity: inode.identity, paths: inode.paths, status: nil)
                return SharedSpace.File(
                    device: inode.identity.device, diskBytes: inode.status.allocatedBytes,
                    extents: reader.extents(of: candidate))
            })
        return DuplicateGroup(
            size: size, inodes: inodes, digest: digest, reclaimableBytes: space.reclaimable, sharedBytes: space.shared)
    }
}

/// The result for the files of some sizes.
struct SizeClassResult: Sendable {
    let candidates: Int
    var report = DuplicateReport()
    var unique: [Candidate] = []
}
