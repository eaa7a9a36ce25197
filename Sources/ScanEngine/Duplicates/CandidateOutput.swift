// Regular files, sorted by size and inode, so that files of one size and names of one inode are adjacent, however many
// files there are. Beyond the memory limit, sorted runs go to a temporary file.

import Bytes
import Entries
import ExternalSort
import LinuxKernel
import Synchronization

/// Takes the regular files of a scan.
final class CandidateOutput: EntryOutput {
    private let sorter = RecordSorter(memoryLimit: 20 << 20, temporaryDirectory: nil)
    private let sizes: ClosedRange<Int64>
    private let progress: ReadingProgress
    private let failure = Mutex<TemporaryFileError?>(nil)
    /// Set once, with `failure`. Relaxed: it only ends the scan early.
    private let isFailed = Atomic<Bool>(false)

    init(sizes: ClosedRange<Int64>, _ progress: ReadingProgress) { (self.sizes, self.progress) = (sizes, progress) }

    /// Fails early if the temporary directory is unusable, and not after hours of scanning.
    func prepare() throws(TemporaryFileError) { try sorter.prepare() }

    var failed: Bool { isFailed.load(ordering: .relaxed) }
    var wantsState: Bool { false }
    var sortsAtFlush: Bool { true }

    func makeStream() -> any EntryStream {
        sorter.addStream()
        return CandidateStream(sizes, progress) { [self] arena, isLast in
            do throws(TemporaryFileError) {
                if isLast { try sorter.keep(arena) } else { try sorter.makeRoom(in: arena) }
            } catch {
                failure.withLock { if $0 == nil { $0 = error } }
                isFailed.store(true, ordering: .relaxed)
            }
        }
    }

    /// To be called once, after the scan.
    func finish() throws(TemporaryFileError) -> Candidates {
        if let failure = failure.withLock({ $0 }) { throw failure }
        return Candidates(try sorter.takeMerge())
    }
}

/// One worker's regular files.
final class CandidateStream: EntryStream {
    private let sizes: ClosedRange<Int64>
    private let progress: ReadingProgress
    private let offer: (RecordArena, _ isLast: Bool) -> Void
    private var arena = RecordArena()
    private var line: [UInt8] = []
    /// Of the files so far.
    private var weight: Int64 = 0

    init(
        _ sizes: ClosedRange<Int64>, _ progress: ReadingProgress,
        _ offer: @escaping (RecordArena, _ isLast: Bool) -> Void
    ) {
        (self.sizes, self.progress, self.offer) = (sizes, progress, offer)
    }

    func entry(
        root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent
    ) {
        guard kind == .file, sizes.contains(status.size) else { return }
        CandidateRecord.append(path, status, digest: content.digests ?? [], to: arena, through: &line)
        weight &+= ReadingProgress.weight(ofSize: status.size)
        offer(arena, false)
    }

    func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind) {}
    func error(root: Int, _ error: ScanError) {}

    func flush() {
        offer(arena, true)
        arena = RecordArena()
        progress.expect(weight)
        weight = 0
    }
}

/// One inode, and its names in the trees.
struct Candidate: Sendable {
    let identity: DeviceInode
    /// Each once.
    var paths: FilePaths
    /// Set when it is first opened. It must be the same at each later opening.
    var status: ContentStatus?
    /// Set if the scan has read it, and its status with it.
    var digest: [UInt8]?
}

/// The files of one size.
struct SizedFiles: Sendable {
    let size: Int64
    /// By device and inode.
    var inodes: [Candidate] = []
    /// The number of paths.
    var paths = 0
    /// Of all names in the progress.
    var weight: Int64 = 0
    /// The number of inodes that the scan has not read.
    var unread = 0
}

/// The files by size.
struct Candidates {
    private var merge: RunMerge

    init(_ merge: RunMerge) { self.merge = merge }

    /// The files of the next size; nil after the last size.
    mutating func next() throws(TemporaryFileError) -> SizedFiles? {
        guard let first = merge.record else { return nil }
        var files = SizedFiles(size: CandidateRecord(first).size)
        let weight = ReadingProgress.weight(ofSize: files.size)
        var last: Candidate?
        while let next = merge.record {
            let record = CandidateRecord(next)
            guard record.size == files.size else { break }
            if last?.identity != record.identity {
                if let last { files.add(last) }
                last = Candidate(identity: record.identity, paths: FilePaths(Array(record.path)))
            } else if last?.paths.last?.withUnsafeBytes({ $0.isEqual(to: record.path) }) != true {
                // If one PATH contains another, the same name occurs twice.
                last?.paths.append(Array(record.path))
            }
            if let (status, digest) = record.content {
                last?.status = status
                last?.digest = Array(digest)
            }
            files.weight &+= weight
            try merge.advance()
        }
        if let last { files.add(last) }
        return files
    }
}

extension SizedFiles {
    fileprivate mutating func add(_ file: Candidate) {
        inodes.append(file)
        paths += file.paths.count
        if file.digest == nil { unread += 1 }
    }
}
