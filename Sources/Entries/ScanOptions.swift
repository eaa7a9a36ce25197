public import LinuxKernel

/// What to scan and how: the command line options for the engine. Paths and patterns are bytes.
public struct ScanOptions: Sendable {
    /// Scanned in this order, each on its own.
    public var paths: [[UInt8]]
    /// Workers that run at a time, 1 to 1024.
    public var threads: Int
    /// A pool of exactly this many threads, blocked or not, instead of `threads` running ones. Nil: spare workers
    /// replace blocked ones.
    public var pool: Int?
    /// Follow a PATH that is a symlink (`find -H`).
    public var followRoots = false
    /// Do not descend into directories on another device than their PATH's (`find -xdev`).
    public var oneFileSystem = false
    /// Do not descend into pseudo file systems (proc, sysfs, …) that are mounted below a PATH.
    public var excludeKernfs = false
    /// gitignore-style patterns of `--exclude` and `--exclude-from`, in the given order.
    public var exclude: [[UInt8]] = []
    /// Of a directory with a valid CACHEDIR.TAG, count only the tag.
    public var excludeCaches = false
    /// Obey `.gitignore` files from each PATH downwards.
    public var gitignore = false
    /// Digests of files and directories, several from one read. None: nothing is hashed.
    public var hash: [DigestAlgorithm] = []
    /// The fields that are read only on request.
    package var asked: FieldSet = []
    /// Detect the MIME type of each regular file with libmagic.
    public var mime: Bool {
        get { asked.contains(.mime) }
        set { if newValue { asked.insert(.mime) } else { asked.remove(.mime) } }
    }
    /// The maximum number of libmagic handles, 11 MiB each; nil: as many as workers run.
    package var detectors: Int?
    /// Read extended attributes, which include POSIX ACLs and file capabilities, if there are records.
    public var xattrs: Bool {
        get { asked.contains(.xattrs) }
        set { if newValue { asked.insert(.xattrs) } else { asked.remove(.xattrs) } }
    }
    /// Read files of pseudo file systems (proc, sysfs, …) too.
    public var readPseudo = false
    /// Do not read files larger than this, in bytes: an error each.
    public var maxRead: Int64 = 1 << 40
    /// Do not read files with more bytes than this in holes: an error each.
    public var maxHoles: Int64 = 64 << 30
    /// The entries that are listed, ranked and totalled separately.
    package var selection = Selection()
    /// Levels of directories in `RootReport.tree`; 0 is the top node alone.
    public var depth = 1
    /// Length of the `largest…` lists.
    public var top = 10
    /// The sort key of those lists.
    public var rank = Ranking.disk
    /// The contents of `ScanReport.map`.
    package var map = MapRequest()
    /// The reference time for ages, in the years 0 to 9999; nil: the start of the scan.
    public var now: FileTime?

    public init(paths: [[UInt8]], threads: Int) {
        self.paths = paths
        self.threads = threads
    }
}

/// The map of the tree in a report.
package struct MapRequest: Sendable {
    /// The maximum number of nodes; 0: no map.
    package var length = 0
    /// Whether it also has files; then it is by disk bytes. Otherwise by `ScanOptions.rank` if that adds up.
    package var hasFiles = true
    /// Levels of directories.
    package var depth = Int.max

    package init() {}
}
