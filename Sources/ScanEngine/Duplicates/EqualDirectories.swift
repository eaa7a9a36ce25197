// Directories that are equal all the way down: the same names, kinds, modes, targets of symlinks, and contents.
//
// The groups of files are known. A directory is looked into only while everything in it may be equal to something: one
// file that is in no group ends it. So trees without duplicates cost nothing, and what is listed once more are the
// directories of duplicates:
//
//   files in groups ──▶ their directories: all entries in groups, or without bytes, or symlinks, or such directories?
//                          │ yes: what they hold, written down, is a number (equal text, equal number)
//                          ▼
//                       the directory above, and so on, up to the PATH
//
// Nothing recurses: a stack holds the directories that wait for those in them. Most of the time goes into listing, so the
// workers list some hundred directories ahead.

import Bytes
import LinuxKernel
import WorkStealing

/// Directories that hold the same, two or more.
package struct DirectoryGroup: Sendable {
    /// In the order of their bytes.
    package let paths: [[UInt8]]
    /// Of each: regular files, and their bytes.
    package let files: Int64
    package let size: Int64
    /// Of each on disk, name by name.
    package let diskBytes: Int64
}

extension DirectoryGroup {
    fileprivate var cost: Int64 {
        let (cost, overflow) = diskBytes.multipliedReportingOverflow(by: Int64(paths.count - 1))
        return overflow ? .max : cost
    }
}

/// To be used by a worker whose pool has a `DuplicateReader` for each.
struct EqualDirectories {
    /// The PATHs: nothing above them is looked at.
    private let roots: Set<ByteKey>
    private let rootLengths: Set<Int>
    private let lister: DirectoryLister
    /// Directories that were listed ahead; nil: not equal to anything.
    private var listed: [ByteKey: DirectoryLister.Listing?] = [:]
    /// What is known of directories by path; nil: not equal to anything.
    private var known: [ByteKey: Content?] = [:]
    /// The number of what a directory holds.
    private var numbers: [ByteKey: Int] = [:]

    private struct Content {
        let number: Int
        let identity: DeviceInode
        let files: Int64
        let size: Int64
        let diskBytes: Int64
        /// Whether there is a file with bytes in it.
        let hasContent: Bool
    }

    /// A directory whose subdirectories are not all known yet.
    private struct Pending {
        let path: [UInt8]
        let listing: DirectoryLister.Listing
        /// How many subdirectories are known, and equal to something perhaps.
        var passed = 0
    }

    init(_ groups: [DuplicateGroup], below roots: [[UInt8]]) {
        lister = DirectoryLister(groups)
        self.roots = Set(roots.lazy.map(ByteKey.init))
        rootLengths = Set(roots.lazy.map(\.count))
    }

    /// So many directories are listed ahead: a few MiB.
    private static let ahead = 512

    /// The groups of directories that cost most first, and which groups of files are in them altogether.
    mutating func find(isStopped: () -> Bool) -> (directories: [DirectoryGroup], covered: Set<Int>) {
        var next = Set(lister.groups.lazy.flatMap(\.inodes).flatMap(\.paths).compactMap(above).map(ByteKey.init))
        while !next.isEmpty, !isStopped() {
            var higher: Set<ByteKey> = []
            let unknown = next.filter { known[$0] == nil }.map(\.bytes)
            for start in stride(from: 0, to: unknown.count, by: Self.ahead) where !isStopped() {
                let part = Array(unknown[start..<min(start + Self.ahead, unknown.count)])
                listAhead(part)
                for path in part where known[ByteKey(path)] == nil {
                    explore(path)
                    if case .some(.some) = known[ByteKey(path)], let above = above(path) {
                        higher.insert(ByteKey(above))
                    }
                }
            }
            next = higher
        }
        return isStopped() ? ([], []) : gathered()
    }

    private func isRoot(_ path: ArraySlice<UInt8>) -> Bool {
        rootLengths.contains(path.count) && roots.contains(ByteKey(Array(path)))
    }

    /// The directory that a path is in, unless that is above a PATH.
    private func above(_ path: [UInt8]) -> [UInt8]? {
        if isRoot(path[...]) { return nil }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return nil }
        // A PATH that ends in a slash stands so in front of the names below it.
        return Array(isRoot(path[...slash]) ? path[...slash] : path[..<slash])
    }

    // MARK: Looking into directories

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
            let subdirectory = DirectoryLister.joined(top.path, subdirectories[top.passed].name)
            switch known[ByteKey(subdirectory)] {
            case .none: push(subdirectory, &stack)
            case .some(.none):
                stack.removeLast()
                known[ByteKey(top.path)] = .some(nil)
            case .some(.some): stack[stack.count - 1].passed += 1
            }
        }
    }

    /// What cannot be equal to anything is known at once.
    private mutating func push(_ path: [UInt8], _ stack: inout [Pending]) {
        let listing = listed.removeValue(forKey: ByteKey(path)) ?? lister.list(path)
        if let listing, !hasUnequal(listing, path) {
            stack.append(Pending(path: path, listing: listing))
        } else {
            known[ByteKey(path)] = .some(nil)
        }
    }

    /// Whether one in it is known to be equal to nothing: then the others need not be looked into.
    private func hasUnequal(_ directory: DirectoryLister.Listing, _ path: [UInt8]) -> Bool {
        directory.subdirectories.contains { subdirectory in
            let path = DirectoryLister.joined(path, subdirectory.name)
            return if case .some(.none) = known[ByteKey(path)] { true } else { false }
        }
    }

    private mutating func finished(_ directory: Pending) -> Content {
        let listing = directory.listing
        var text = listing.text
        var (files, size, diskBytes) = (listing.files, listing.size, listing.diskBytes)
        var hasContent = listing.hasContent
        for (name, mode) in listing.subdirectories {
            let path = DirectoryLister.joined(directory.path, name)
            guard case .some(.some(let content)) = known[ByteKey(path)] else {
                preconditionFailure("a directory ends behind those in it")
            }
            files.addSaturating(content.files)
            size.addSaturating(content.size)
            diskBytes.addSaturating(content.diskBytes)
            if content.hasContent { hasContent = true }
            text.append(DirectoryLister.line(name, "d", mode, Array("\(content.number)".utf8)))
        }
        // No line is a part of another: a name ends with NUL, and what follows has its length in front.
        let key = ByteKey(Array(text.sorted { $0.lexicographicallyPrecedes($1) }.joined()))
        let number = numbers[key] ?? numbers.count
        numbers[key] = number
        return Content(
            number: number, identity: listing.identity, files: files, size: size, diskBytes: diskBytes,
            hasContent: hasContent)
    }

    // MARK: The groups

    private func gathered() -> (directories: [DirectoryGroup], covered: Set<Int>) {
        var members: [Int: [(path: [UInt8], content: Content)]] = [:]
        for (path, content) in known {
            if let content, content.hasContent { members[content.number, default: []].append((path.bytes, content)) }
        }
        var all: [Int: DirectoryGroup] = [:]
        var groupOfPath: [ByteKey: Int] = [:]
        for (number, found) in members {
            var identities: Set<DeviceInode> = []
            // One directory may have several paths: mounts, and PATHs that lie in each other.
            let apart = found.sorted { $0.path.lexicographicallyPrecedes($1.path) }
                .filter { identities.insert($0.content.identity).inserted }
            guard apart.count > 1 else { continue }
            all[number] = DirectoryGroup(
                paths: apart.map(\.path), files: apart[0].content.files, size: apart[0].content.size,
                diskBytes: apart[0].content.diskBytes)
            for (path, _) in apart { groupOfPath[ByteKey(path)] = number }
        }
        /// The group of directories that these paths lie in, one in each, under the same name.
        func parent(_ paths: [[UInt8]]) -> Int? {
            var parents: Set<ByteKey> = []
            let name = Self.name(paths[0])
            for path in paths {
                guard Self.name(path).elementsEqual(name), let above = above(path) else { return nil }
                let (isNew, parent) = parents.insert(ByteKey(above))
                if !isNew || groupOfPath[parent] == nil { return nil }
            }
            guard let number = parents.first.flatMap({ groupOfPath[$0] }),
                parents.allSatisfy({ groupOfPath[$0] == number })
            else { return nil }
            return number
        }
        var parents: [Int: Int] = [:]
        for (number, group) in all { parents[number] = parent(group.paths) }
        var covered: Set<Int> = []
        for (index, group) in lister.groups.enumerated() {
            if parent(group.inodes.flatMap(\.paths)) != nil { covered.insert(index) }
        }
        let shown = all.filter { parents[$0.key] == nil }.values.sorted { left, right in
            left.cost == right.cost ? left.paths[0].lexicographicallyPrecedes(right.paths[0]) : left.cost > right.cost
        }
        return (shown, covered)
    }

    private static func name(_ path: [UInt8]) -> ArraySlice<UInt8> {
        path[(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]
    }
}
