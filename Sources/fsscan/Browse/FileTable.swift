import Entries
import LinuxKernel
import ScanEngine

/// The contents of one directory, except the directories in the tree: 32 bytes and the name each.
struct FileTable: Sendable {
    struct File: Sendable {
        var diskBytes: Int64 = 0
        var apparentBytes: Int64 = 0
        /// Seconds since 1970.
        var modified: Int64 = 0
        fileprivate var nameStart: UInt32 = 0
        fileprivate var nameLength: UInt16 = 0
        /// Nil if it is not known.
        fileprivate var rawKind: UInt8 = .max
        var marks: FileMarks = []

        var kind: EntryKind? {
            get { EntryKind(rawValue: rawKind) }
            set { rawKind = newValue?.rawValue ?? .max }
        }
    }

    private(set) var files = BlockArray<File>()
    private var names = NameBlocks()
    /// Why it is incomplete, if it is.
    var failure: String?

    var count: Int { files.count }

    func name(of index: Int) -> ArraySlice<UInt8> {
        let file = files[index]
        return names[file.nameStart, file.nameLength]
    }

    /// Names of more than 4 GiB in total do not fit: those of some ten million files with the longest names.
    mutating func append(_ file: File, name: some Collection<UInt8>) {
        guard names.hasRoom(for: name) else {
            failure = "too many names to show"
            return
        }
        var file = file
        file.nameStart = names.append(name)
        file.nameLength = UInt16(name.count)
        files.append(file)
    }
}

struct FileMarks: OptionSet, Sendable {
    let rawValue: UInt8

    /// It has several names.
    static let linked = FileMarks(rawValue: 1 << 0)
    /// A pattern excludes it.
    static let excluded = FileMarks(rawValue: 1 << 1)
    /// It could not be stat'ed.
    static let failed = FileMarks(rawValue: 1 << 2)
}

extension FileTable {
    /// Lists a directory from the disk. Directories are omitted, except those that a pattern excludes from the scan.
    init(_ options: ScanOptions, names: [[UInt8]], isCancelled: () -> Bool) {
        do throws(Errno) {
            let listing = try DirectoryListing(options, names: names)
            while !isCancelled(), try listing.next({ add($0) }) {}
        } catch {
            failure = error.message
        }
    }

    private mutating func add(_ entry: ListedEntry) {
        if entry.kind == .directory, !entry.isExcluded { return }
        var file = File()
        file.kind = entry.kind
        if entry.isExcluded {
            file.marks = .excluded
        } else if let kind = entry.kind {
            file.diskBytes = entry.status.diskBytes
            // As in the totals: for other kinds st_size means nothing.
            if kind == .file || kind == .symlink { file.apparentBytes = entry.status.size }
            file.modified = entry.status.mtime.seconds
            if entry.status.links > 1 { file.marks = .linked }
        } else {
            file.marks = .failed
        }
        append(file, name: entry.name)
    }
}
