import Bytes
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// `--known dpkg`: changes that agree with the records of installed packages.
///
/// A hint, not a proof: root can write to dpkg's lists as well as to the files, and MD5 does not resist attacks.
final class KnownPackages {
    private let directory: [UInt8]
    /// The prefix of the packages' paths.
    private let prefix: [UInt8]
    /// Absolute, without symlinks; nil for a missing PATH.
    private let roots: [[UInt8]?]
    private let files: Beginnings
    /// All fields that both sides have, even if they are not compared: a file that is setuid now is not as packaged.
    private let all: ComparedFields
    private var lists: DpkgLists?
    /// Directories such as `bin`, if it is a symlink to `usr/bin`: packages may use either name.
    private var merged: Set<[UInt8]> = []

    private static let directory = Array("/var/lib/dpkg".utf8)

    /// - Parameters:
    ///   - directory: dpkg's administrative directory.
    ///   - paths: the PATHs of NEW.
    ///   - all: the fields that both sides have.
    /// - Throws: `UsageError` if there is no dpkg.
    init(
        _ directory: [UInt8], _ paths: [[UInt8]], _ files: Beginnings, _ all: ComparedFields
    ) throws(UsageError) {
        (self.directory, self.files, self.all) = (directory, files, all)
        let above = directory.dropLast(Self.directory.count)
        let isBelowRoot = directory.suffix(Self.directory.count) == Self.directory[...] && !above.isEmpty
        prefix = isBelowRoot ? Self.resolved(Array(above)) ?? [] : []
        roots = paths.map(Self.resolved)
        guard withCString(directory + Array("/status".utf8), { access($0, R_OK) }) == 0 else {
            throw UsageError(
                "--known", CarriedArgument(bytes: directory), "has no dpkg status file: \(Errno(errno).message)")
        }
    }

    private static func resolved(_ path: [UInt8]) -> [UInt8]? {
        guard let result = withCString(path, { realpath($0, nil) }) else { return nil }
        defer { free(result) }
        return Array(UnsafeRawBufferPointer(start: result, count: strlen(result)))
    }

    /// Whether an added or changed regular file has the content from its package. If anything else than its content and
    /// the consequences of that changed, the file is not known.
    func agrees(_ change: Change) -> Bool {
        guard let new = change.new, new.kind == .file, let size = new.size,
            change.kinds.allSatisfy({ [.added, .content, .metadata].contains($0) }),
            change.old.map({ all.differences($0, new) })?.allSatisfy({ Self.following.contains($0.field) }) ?? true,
            let root = roots[change.key.root]
        else { return false }
        let path = change.key.path(below: root)
        guard path.starts(with: prefix + [UInt8(ascii: "/")]) else { return false }
        let known = digests(of: Array(path.dropFirst(prefix.count + 1)))
        if known.isEmpty { return false }
        guard let digest = new.digests[.md5] ?? (try? files.digests(of: new, length: size, [.md5])[.md5]) else {
            return false
        }
        var hex: [UInt8] = []
        hex.appendHex(digest)
        return known.contains(hex)
    }

    private static let following: FieldSet = [
        .size, .digests, .mtime, .ctime, .btime, .inode, .device, .diskBytes, .mime,
    ]

    private func digests(of path: [UInt8]) -> [[UInt8]] {
        let lists = loaded()
        let usr = Array("usr/".utf8)
        var digests = lists[path]
        if path.starts(with: usr) {
            let short = Array(path.dropFirst(usr.count))
            if merged.contains(Array(short.prefix { $0 != UInt8(ascii: "/") })) { digests += lists[short] }
        }
        return digests
    }

    /// Read for the first change.
    private func loaded() -> DpkgLists {
        if let lists { return lists }
        var lists = DpkgLists()
        lists.addDiversions(contents("/diversions"))
        for name in names() { lists.addMD5Sums(contents("/info/", name), name: name) }
        lists.addConffiles(contents("/status"))
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"].map({ Array($0.utf8) }) {
            let usr = Self.resolved(prefix + Array("/usr/".utf8) + name)
            if usr != nil, Self.resolved(prefix + [UInt8(ascii: "/")] + name) == usr { merged.insert(name) }
        }
        self.lists = lists
        return lists
    }

    private func contents(_ place: String, _ name: [UInt8] = []) -> [UInt8] {
        Kernel.contents(of: directory + Array(place.utf8) + name) ?? []
    }

    private func names() -> [[UInt8]] {
        guard let stream = withCString(directory + Array("/info".utf8), { opendir($0) }) else { return [] }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name.suffix(DpkgLists.suffix.count) == DpkgLists.suffix[...] { names.append(name) }
        }
        return names
    }
}
