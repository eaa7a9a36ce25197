// Equal directories: everything below them has the same names, kinds, modes, symlink targets and contents.
//
// The groups of files are known. A directory is listed again only if it contains duplicates, and a file that is in no
// group rules the directory out. So trees without duplicates cost nothing:
//
//   files in groups ──▶ their directories: all entries in groups, or without bytes, or symlinks, or such directories?
//                          │ yes: their contents as text get a number (equal text, equal number)
//                          ▼
//                       the directory above, and so on, up to the PATH
//
// Nothing recurses: a stack holds the directories that wait for their subdirectories. Listing takes most of the time,
// so all workers list some hundred directories ahead.

import Bytes
import LinuxKernel
import WorkStealing

/// Equal directories, two or more.
package struct DirectoryGroup: Sendable {
    /// In bytewise order.
    package let paths: [[UInt8]]
    /// Regular files in each directory, and their bytes.
    package let files: Int64
    package let size: Int64
    /// Bytes on disk of each directory; a file with several names counts for each.
    package let diskBytes: Int64
}

extension DirectoryGroup {
    fileprivate var cost: Int64 {
        let (cost, overflow) = diskBytes.multipliedReportingOverflow(by: Int64(paths.count - 1))
        return overflow ? .max : cost
    }
}

/// Must be made and used in a run of a scheduler whose workers have a `DuplicateReader`.
struct EqualDirectories {
    private let roots: SearchedRoots
    private let lister: DirectoryLister
    /// Directories that were listed ahead; nil: equal to nothing.
    private var listed: [ByteKey: DirectoryLister.Listing?] = [:]
    /// Results by path; nil: equal to nothing.
    private var known: [ByteKey: Content?] = [:]
    /// Each distinct content of a directory has a number.
    private var numbers: [ByteKey: Int] = [:]

    private struct Content {
        let number: Int
        let identity: DeviceInode
        let mode: UInt32
        let files: Int64
        let size: Int64
        let diskBytes: Int64
        /// Whether it contains a file that is not empty.
        let hasContent: Bool
    }

    /// A directory that waits for its subdirectories.
    private struct Pending {
        let path: [UInt8]
        let listing: DirectoryLister.Listing
        /// Subdirectories that have a result and may equal others.
        var passed = 0
    }

    /// - Parameter endOfListing: see `DeviceTable.Device`.
    init(
        _ groups: [DuplicateGroup], below roots: [[UInt8]],
        endOfListing: @escaping @Sendable (_ device: UInt64) -> Int64?
    ) {
        self.roots = SearchedRoots(roots)
        lister = DirectoryLister(groups, below: self.roots, endOfListing: endOfListing)
    }

    /// The number of directories listed ahead, a few MiB.
    private static let ahead = 512

    /// The groups of directories, those that waste the most space first, and the groups of files that they cover.
    mutating func find(isStopped: () -> Bool) -> (directories: [DirectoryGroup], covered: Set<Int>) {
        var next = lister.directories
        while !next.isEmpty, !isStopped() {
            var higher: Set<PathPrefix> = []
            // Subdirectories first: their results are known when the directory above asks, and nothing is listed alone.
            let unknown = next.map(\.bytes).filter { known[ByteKey($0)] == nil }.sorted { $0.count > $1.count }
            for start in stride(from: 0, to: unknown.count, by: Self.ahead) where !isStopped() {
                let part = Array(unknown[start..<min(start + Self.ahead, unknown.count)])
                listAhead(part)
                for path in part where known[ByteKey(path)] == nil {
                    explore(path)
                    if case .some(.some) = known[ByteKey(path)], let above = roots.parent(of: path) {
                        higher.insert(above)
                    }
                }
            }
            next = Array(higher)
        }
        return isStopped() ? ([], []) : gathered()
    }

    // MARK: Listing

    private mutating func listAhead(_ paths: [[UInt8]]) {
        var listings = [DirectoryLister.Listing?](repeating: nil, count: paths.count)
        Scheduler.parallelFor(changing: &listings, grain: 8) { [lister] index, listing in
            listing = lister.list(paths[index])
        }
        listed = [:]
        for (path, listing) in zip(paths, listings) { listed[ByteKey(path)] = .some(listing) }
    }

    private mutating func explore(_ path: [UInt8]) {
        var stack: [Pending] = []
        push(path, &stack)
        while let top = stack.last {
            let subdirectories = top.listing.subdirectories
            guard top.passed < subdirectories.count else {
                stack.removeLast()
                known[ByteKey(top.path)] = .some(finished(top))
                continue
            }
            let subdirectory = DirectoryLister.joined(top.path, subdirectories[top.passed])
            switch known[ByteKey(subdirectory)] {
            case .none: push(subdirectory, &stack)
            case .some(.some(let content)) where content.identity.device == top.listing.identity.device:
                stack[stack.count - 1].passed += 1
            case .some:
                // It equals nothing, or something is mounted there.
                stack.removeLast()
                known[ByteKey(top.path)] = .some(nil)
            }
        }
    }

    /// A directory that equals nothing gets its result at once.
    private mutating func push(_ path: [UInt8], _ stack: inout [Pending]) {
        let listing: DirectoryLister.Listing?
        if let known = listed.removeValue(forKey: ByteKey(path)) {
            listing = known
        } else if let above = stack.last {
            listing = lister.list(path, onDevice: above.listing.identity.device)
        } else {
            listing = lister.list(path)
        }
        if let listing, !hasUnequal(listing, path) {
            stack.append(Pending(path: path, listing: listing))
        } else {
            known[ByteKey(path)] = .some(nil)
        }
    }

    /// Whether a subdirectory is known to equal nothing: then the others need not be listed.
    private func hasUnequal(_ directory: DirectoryLister.Listing, _ path: [UInt8]) -> Bool {
        directory.subdirectories.contains { subdirectory in
            let path = DirectoryLister.joined(path, subdirectory)
            return if case .some(.none) = known[ByteKey(path)] { true } else { false }
        }
    }

    private mutating func finished(_ directory: Pending) -> Content {
        let listing = directory.listing
        var text = listing.text
        var (files, size, diskBytes) = (listing.files, listing.size, listing.diskBytes)
        var hasContent = listing.hasContent
        for name in listing.subdirectories.sorted(by: { $0.precedes($1) }) {
            let path = DirectoryLister.joined(directory.path, name)
            guard case .some(.some(let content)) = known[ByteKey(path)] else {
                preconditionFailure("a directory ends behind those in it")
            }
            files.addSaturating(content.files)
            size.addSaturating(content.size)
            diskBytes.addSaturating(content.diskBytes)
            if content.hasContent { hasContent = true }
            withUnsafeBytes(of: content.number) {
                DirectoryLister.append(name, .directory, content.mode, $0, to: &text)
            }
        }
        let key = ByteKey(text)
        let number = numbers[key] ?? numbers.count
        if number == numbers.count { numbers[key] = number }
        return Content(
            number: number, identity: listing.identity, mode: listing.mode, files: files, size: size,
            diskBytes: diskBytes, hasContent: hasContent)
    }

    // MARK: The groups

    private func gathered() -> (directories: [DirectoryGroup], covered: Set<Int>) {
        var members: [Int: [(path: [UInt8], content: Content)]] = [:]
        for (path, content) in known {
            if let content, content.hasContent { members[content.number, default: []].append((path.bytes, content)) }
        }
        var all: [Int: DirectoryGroup] = [:]
        var groupOfPath: [PathPrefix: Int] = [:]
        for (number, found) in members {
            var identities: Set<DeviceInode> = []
            // A directory can have several paths: mounts, and PATHs that contain each other.
            let apart = found.sorted { $0.path.precedes($1.path) }
                .filter { identities.insert($0.content.identity).inserted }
            guard apart.count > 1 else { continue }
            all[number] = DirectoryGroup(
                paths: apart.map(\.path), files: apart[0].content.files, size: apart[0].content.size,
                diskBytes: apart[0].content.diskBytes)
            for (path, _) in apart { groupOfPath[PathPrefix(path, path.count)] = number }
        }
        let places = DirectoryPlaces(roots: roots, groupOfPath: groupOfPath)
        var parents: [Int: Int] = [:]
        for (number, group) in all {
            var parent = ParentGroup()
            if group.paths.allSatisfy({ parent.contains($0, places) }) { parents[number] = parent.number }
        }
        var isCovered = [Bool](repeating: false, count: lister.groups.count)
        Scheduler.parallelFor(changing: &isCovered, grain: 512) { [lister] index, isCovered in
            var parent = ParentGroup()
            isCovered = lister.groups[index].forEachPath { path, _ in parent.contains(path, places) }
        }
        let covered = Set(isCovered.indices.filter { isCovered[$0] })
        let shown = all.filter { parents[$0.key] == nil }.values.sorted { left, right in
            left.cost == right.cost ? left.paths[0].precedes(right.paths[0]) : left.cost > right.cost
        }
        return (shown, covered)
    }
}

/// The groups of directories by the paths of the directories.
private struct DirectoryPlaces: Sendable {
    let roots: SearchedRoots
    let groupOfPath: [PathPrefix: Int]
}

/// The group of directories that contains some paths: one in each directory, under the same name.
private struct ParentGroup {
    private var first: [UInt8]?
    private(set) var number: Int?

    /// Whether it contains those before and one more.
    ///
    /// - Parameter path: differs from those before, so if its name is the same, it is in another directory.
    mutating func contains(_ path: [UInt8], _ places: DirectoryPlaces) -> Bool {
        guard let directory = places.roots.parent(of: path), let group = places.groupOfPath[directory],
            number ?? group == group, first.map({ PathPrefix.areNamesEqual($0, path) }) ?? true
        else { return false }
        (first, number) = (path, group)
        return true
    }
}
