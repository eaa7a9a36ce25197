public import LinuxKernel

/// What to scan and how: the options of the command line that concern the engine. Paths and patterns are bytes.
public struct ScanOptions: Sendable {
    /// Scanned in this order, each as if alone.
    public var paths: [[UInt8]]
    /// Workers that run at a time, 1 to 1024.
    public var threads: Int
    /// A pool of exactly so many threads, whether they are blocked or not, instead of `threads` that run. Nil: workers
    /// that are blocked are replaced.
    public var pool: Int?
    /// A PATH that is a symlink stands for what it leads to (`find -H`).
    public var followRoots = false
    /// Do not descend into directories on another device than their PATH's (`find -xdev`).
    public var oneFileSystem = false
    /// Do not descend into pseudo file systems (proc, sysfs, …) that are mounted below a PATH.
    public var excludeKernfs = false
    /// gitignore-style patterns of `--exclude` and `--exclude-from`, in the given order.
    public var exclude: [[UInt8]] = []
    /// Of directories that a valid CACHEDIR.TAG says are caches, that tag alone counts.
    public var excludeCaches = false
    /// Obey `.gitignore` files from each PATH downwards.
    public var gitignore = false
    /// Digests of files and directories, several from one read. None: nothing is hashed.
    public var hash: [DigestAlgorithm] = []
    /// The fields that are found out only when they are asked for.
    package var asked: FieldSet = []
    /// Detect the MIME type of each regular file with libmagic.
    public var mime: Bool {
        get { asked.contains(.mime) }
        set { if newValue { asked.insert(.mime) } else { asked.remove(.mime) } }
    }
    /// How many libmagic handles there may be, 11 MiB each; nil: as many as workers run.
    package var detectors: Int?
    /// Read extended attributes, which include POSIX ACLs and file capabilities, where there are records.
    public var xattrs: Bool {
        get { asked.contains(.xattrs) }
        set { if newValue { asked.insert(.xattrs) } else { asked.remove(.xattrs) } }
    }
    /// Read files of pseudo file systems (proc, sysfs, …) too.
    public var readPseudo = false
    /// Files larger than this, in bytes, are not read: an error each.
    public var maxRead: Int64 = 1 << 40
    /// Files with more bytes than this in holes are not read: an error each. Bytes.
    public var maxHoles: Int64 = 64 << 30
    /// What is listed, ranked and totalled by itself.
    package var selection = Selection()
    /// Levels of directories in `RootReport.tree`; 0 is the top node alone.
    public var depth = 1
    /// Length of the `largest…` lists.
    public var top = 10
    /// What those lists rank by.
    public var rank = Ranking.disk
    /// What `ScanReport.map` has.
    package var map = MapRequest()
    /// What ages are relative to, in the years 0 to 9999; nil: the start of the scan.
    public var now: FileTime?

    public init(paths: [[UInt8]], threads: Int) {
        self.paths = paths
        self.threads = threads
    }
}

/// Which map of the tree a report has.
package struct MapRequest: Sendable {
    /// How many nodes at most; 0: there is none.
    package var length = 0
    /// Whether it has files, too: then it is by disk bytes. Otherwise by `ScanOptions.rank` where that adds up.
    package var hasFiles = true
    /// Levels of directories.
    package var depth = Int.max

    package init() {}
}
