// Regular files, sorted by size and inode, so that files of one size and names of one inode are adjacent, however many
// files there are. Beyond the memory limit, sorted runs go to a temporary file.
//
//   key   size, 16 hex digits (a key has no slash: see SortRecord)
//   line  device, inode: 8 bytes each, big-endian · path

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

    func makeStream() -> any EntryStream {
        sorter.addStream()
        return CandidateStream(sizes, progress) { [self] arena, isLast in
            do throws(TemporaryFileError) {
                if isLast { try sorter.keep(arena) } else if arena.size >= sorter.share { try sorter.spill(arena) }
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
        Candidates.append(path, status.identity, size: status.size, to: arena, through: &line)
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
    /// In bytewise order, each once.
    var paths: [[UInt8]]
    /// Set when it is first opened. It must be the same at each later opening.
    var status: ContentStatus?
}

/// The files by size.
struct Candidates {
    private var merge: RunMerge

    init(_ merge: RunMerge) { self.merge = merge }

    /// The inodes of the next size, by device and inode, and the number of names; nil after the last size.
    mutating func next() throws(TemporaryFileError) -> (size: Int64, inodes: [Candidate], names: Int64)? {
        guard let first = merge.record else { return nil }
        let key = Array(first.key)
        var inodes: [Candidate] = []
        var names: Int64 = 0
        while let record = merge.record, record.key.elementsEqual(key) {
            let line = record.line
            let device = UInt64(bigEndian: line.loadUnaligned(as: UInt64.self))
            let inode = UInt64(bigEndian: line.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            let identity = DeviceInode(device: device, inode: inode)
            let path = Array(line[16...])
            if inodes.last?.identity != identity {
                inodes.append(Candidate(identity: identity, paths: [path], status: nil))
            } else if inodes[inodes.count - 1].paths.last != path {
                // If one PATH contains another, the same name occurs twice.
                inodes[inodes.count - 1].paths.append(path)
            }
            names += 1
            try merge.advance()
        }
        guard let size = Int64(String(decoding: key[4...], as: UTF8.self), radix: 16) else {
            preconditionFailure("the key of a candidate is not a size")
        }
        return (size, inodes, names)
    }

    static func append(
        _ path: UnsafeRawBufferPointer, _ identity: DeviceInode, size: Int64, to arena: RecordArena,
        through line: inout [UInt8]
    ) {
        line.removeAll(keepingCapacity: true)
        withUnsafeBytes(of: identity.device.bigEndian) { line.append(contentsOf: $0) }
        withUnsafeBytes(of: identity.inode.bigEndian) { line.append(contentsOf: $0) }
        line.append(contentsOf: path)
        withUnsafeBytes(of: size.bigEndian) { size in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { key in
                for index in 0..<16 {
                    let digit = size[index / 2] >> (index % 2 == 0 ? 4 : 0) & 15
                    key[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                }
                line.withUnsafeBytes { arena.append(root: 0, path: UnsafeRawBufferPointer(key), line: $0) }
            }
        }
    }
}
