import CLinux
public import Entries
public import LinuxKernel

/// The result of a scan: everything in the JSON report and the text summary. Names and paths are bytes.
///
/// Everything except `timing` and `statistics` is the same for any number of workers.
public struct ScanReport: Sendable {
    /// False only if a signal, a deadline or `Scan.cancel()` stopped the scan.
    public var complete = true
    /// Of a stopped scan: the directories that were not completely listed, and the files that were still to be read.
    /// The first 10,000 by path bytes; nothing below such a directory is named.
    public var unfinished: [[UInt8]] = []
    /// False if a deadline passed while records were being written: the workers' buffered records are lost.
    package var hasAllRecords = true
    public var totals = Totals()
    /// Of the selected entries; nil without a selection.
    public var selected: Totals?
    /// One for each PATH, in the given order.
    public var roots: [RootReport] = []
    /// By `ScanOptions.rank`, then path bytes; at most `ScanOptions.top`.
    public var largestFiles: [LargestFile] = []
    public var largestDirectories: [LargestDirectory] = []
    /// By apparent bytes (descending), then key.
    public var extensions: [ExtensionCount] = []
    /// Of the unlisted extensions: at most 10,000 are listed, besides the empty one.
    public var otherExtensions = FileCounts()
    public var mimeTypes: [MIMETypeCount] = []
    /// In the order of `FileAge.allCases`; the files of both add up to those of the totals.
    public var ages: [AgeCount] = []
    public var sizes: [SizeCount] = []
    public var owners: [OwnerCount] = []
    public var groups: [OwnerCount] = []
    public var pseudoFileSystems: [PseudoFileSystemCount] = []
    /// The first 10,000 by path bytes, then operation.
    public var errors = ReportedErrors()
    /// The largest files and directories, largest first; at most `ScanOptions.map`.
    package var map: [MapNode] = []
    /// Nil without `--baseline`.
    public var baseline: BaselineUse?
    /// Nil without `--save`.
    public var kept: KeptScan?
    public var timing = Timing()
    /// Scheduler counters by name, in the order in which they are printed.
    public var statistics: [(name: String, value: Int64)] = []

    public init() {}
}

/// Where a scan was saved, and its proofs, in hex.
public struct KeptScan: Sendable {
    /// As given.
    public var path: [UInt8]
    /// Its number in the file.
    public var scan: Int64
    /// Covers everything that comparisons use: docs/SCHEMA-2.md.
    public var evidence: String
    /// Of the file.
    public var sha256: String

    public init(path: [UInt8], scan: Int64, evidence: String, sha256: String) {
        (self.path, self.scan, self.evidence, self.sha256) = (path, scan, evidence, sha256)
    }
}

/// One PATH of the command line.
public struct RootReport: Sendable {
    /// The PATH as given.
    public var path: [UInt8]
    public var totals = Totals()
    /// Hex digests by algorithm, in the order of `ScanOptions.hash`: empty without `--hash`, nil if something at or
    /// below could not be read, changed, was skipped, or the PATH is missing.
    public var digests: [NamedDigest]? = []
    /// Nil if the PATH is missing or not a directory.
    public var tree: TreeNode?

    public init(path: [UInt8]) { self.path = path }
}

/// A directory in the report's `tree`.
///
/// A class, so that a tree as deep as the file tree is built and freed without recursion (nested arrays would be freed
/// recursively). Immutable after its directory has completed, except in `deinit`.
public final class TreeNode: Sendable {
    public let name: [UInt8]
    public let totals: Totals
    public let digests: [NamedDigest]?
    /// By name bytes; nil where `--depth` cut the tree.
    public var children: [TreeNode]? { storedChildren }

    /// Written only in `init` and `deinit`, when there is no other reference: that makes it safe to share.
    nonisolated(unsafe) private var storedChildren: [TreeNode]?

    public init(name: [UInt8], totals: Totals, digests: [NamedDigest]?, children: [TreeNode]?) {
        self.name = name
        self.totals = totals
        self.digests = digests
        self.storedChildren = children
    }

    deinit {
        // A chain of 20,000 directories must not be freed recursively: move the grandchildren up first.
        guard var doomed = storedChildren else { return }
        storedChildren = nil
        while var last = doomed.popLast() {
            if isKnownUniquelyReferenced(&last), let grandchildren = last.storedChildren {
                last.storedChildren = nil
                doomed.append(contentsOf: grandchildren)
            }
        }
    }
}

public struct LargestFile: Equatable, Sendable {
    public var path: [UInt8]
    public var apparentBytes: Int64
    public var diskBytes: Int64
    /// Its mtime.
    public var lastChange: FileTime

    public init(path: [UInt8], apparentBytes: Int64, diskBytes: Int64, lastChange: FileTime) {
        self.path = path
        self.apparentBytes = apparentBytes
        self.diskBytes = diskBytes
        self.lastChange = lastChange
    }
}

public struct LargestDirectory: Equatable, Sendable {
    public var path: [UInt8]
    public var entries: Int64
    public var apparentBytes: Int64
    public var diskBytes: Int64
    /// The latest mtime at or below it; nil if nothing could be stat'ed.
    public var lastChange: FileTime?

    public init(path: [UInt8], entries: Int64, apparentBytes: Int64, diskBytes: Int64, lastChange: FileTime?) {
        self.path = path
        self.entries = entries
        self.apparentBytes = apparentBytes
        self.diskBytes = diskBytes
        self.lastChange = lastChange
    }
}

/// `fileExtension` is lower-case ASCII, or empty for files without one.
public struct ExtensionCount: Equatable, Sendable {
    public var fileExtension: String
    public var counts: FileCounts

    public init(fileExtension: String, _ counts: FileCounts) {
        self.fileExtension = fileExtension
        self.counts = counts
    }
}

public struct MIMETypeCount: Equatable, Sendable {
    public var type: String
    public var counts: FileCounts

    public init(type: String, _ counts: FileCounts) {
        self.type = type
        self.counts = counts
    }
}

/// Regular files of an age; nil: those that could not be stat'ed.
public struct AgeCount: Equatable, Sendable {
    public var age: FileAge?
    public var counts: FileCounts

    public init(age: FileAge?, _ counts: FileCounts) {
        self.age = age
        self.counts = counts
    }
}

/// Regular files of at least `size` bytes, and less than the next size; nil: those that could not be stat'ed.
public struct SizeCount: Equatable, Sendable {
    public var size: Int64?
    public var counts: FileCounts

    public init(size: Int64?, _ counts: FileCounts) {
        self.size = size
        self.counts = counts
    }
}

/// A user or group; `id` is the uid or gid, `name` nil where the system knows none.
public struct OwnerCount: Equatable, Sendable {
    public var id: UInt32
    public var name: String?
    /// Entries of every kind.
    public var entries: Int64
    /// `files` are regular ones; bytes are those of all entries, as the totals count them.
    public var counts: FileCounts

    public init(id: UInt32, name: String?, entries: Int64, _ counts: FileCounts) {
        self.id = id
        self.name = name
        self.entries = entries
        self.counts = counts
    }
}

/// The part of the totals on pseudo file systems of one type: generated by the kernel, and on no disk.
public struct PseudoFileSystemCount: Equatable, Sendable {
    /// As named in the mount table: `proc`.
    public var type: String
    /// Entries of every kind.
    public var entries: Int64
    /// `files` are regular ones; bytes are those of all entries, as the totals count them.
    public var counts: FileCounts

    public init(type: String, entries: Int64, _ counts: FileCounts) {
        self.type = type
        self.entries = entries
        self.counts = counts
    }
}

/// How many names of regular files were taken over from a saved scan, and how many had to be read.
public struct BaselineUse: Equatable, Sendable {
    public var reused: Int64
    public var read: Int64
    /// Of those that were read: how many looked unchanged.
    public var reread: Int64 = 0
    /// Of those that looked unchanged: how many had different digests.
    public var contradicted: Int64 = 0

    public init(reused: Int64 = 0, read: Int64 = 0) {
        self.reused = reused
        self.read = read
    }

    mutating func add(_ other: BaselineUse) {
        reused += other.reused
        read += other.read
        reread += other.reread
        contradicted += other.contradicted
    }
}

public struct Timing: Sendable {
    /// When the scan started: seconds and nanoseconds since the epoch.
    public var startedSeconds: Int64 = 0
    public var startedNanoseconds: Int64 = 0
    public var elapsedSeconds: Double = 0
    public var threads: Int = 1

    public init() {}

    package var started: FileTime {
        FileTime(seconds: startedSeconds, nanoseconds: startedNanoseconds)
    }

    /// A timing that starts now.
    package static var now: Timing {
        let now = clinux_now(CLOCK_REALTIME)
        var timing = Timing()
        timing.startedSeconds = Int64(now.tv_sec)
        timing.startedNanoseconds = Int64(now.tv_nsec)
        return timing
    }
}
