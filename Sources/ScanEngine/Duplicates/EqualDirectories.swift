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
// Nothing recurses: a stack holds the directories that wait for those in them.

import LinuxKernel

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

struct EqualDirectories {
    /// The PATHs: nothing above them is looked at.
    private let roots: Set<[UInt8]>
    private let groups: [DuplicateGroup]
    /// The group of each inode, and its place there.
    private var places: [DeviceInode: (group: Int, place: Int)] = [:]
    /// What is known of directories by path; nil: not equal to anything.
    private var known: [[UInt8]: Content?] = [:]
    /// The number of what a directory holds.
    private var numbers: [[UInt8]: Int] = [:]
    private let buffer = ListingBuffer()

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
        let identity: DeviceInode
        var text: [[UInt8]] = []
        var subdirectories: [(name: [UInt8], mode: UInt32)] = []
        /// How many of them are known, and equal to something perhaps.
        var passed = 0
        var files: Int64 = 0
        var size: Int64 = 0
        var diskBytes: Int64 = 0
        var hasContent = false
    }

    init(_ groups: [DuplicateGroup], below roots: [[UInt8]]) {
        self.groups = groups
        self.roots = Set(roots)
        for (index, group) in groups.enumerated() {
            for (place, inode) in group.inodes.enumerated() { places[inode.identity] = (index, place) }
        }
    }

    /// The groups of directories that cost most first, and which groups of files are in them altogether.
    mutating func find(isStopped: () -> Bool) -> (directories: [DirectoryGroup], covered: Set<Int>) {
        var next = Set(groups.lazy.flatMap(\.inodes).flatMap(\.paths).compactMap(above))
        while !next.isEmpty, !isStopped() {
            var higher: Set<[UInt8]> = []
            for path in next where known[path] == nil {
                explore(path)
                if case .some(.some) = known[path], let above = above(path) { higher.insert(above) }
            }
            next = higher
        }
        return isStopped() ? ([], []) : gathered()
    }

    /// The directory that a path is in, unless that is above a PATH.
    private func above(_ path: [UInt8]) -> [UInt8]? {
        if roots.contains(path) { return nil }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return nil }
        let above = Array(path[..<slash])
        // A PATH that ends in a slash stands so in front of the names below it.
        let withSlash = Array(path[...slash])
        return roots.contains(withSlash) ? withSlash : above
    }

    private func joined(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
        directory + (directory.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + name
    }

    // MARK: Looking into directories

    private mutating func explore(_ path: [UInt8]) {
        var stack: [Pending] = []
        push(path, &stack)
        while let top = stack.last {
            guard top.passed < top.subdirectories.count else {
                stack.removeLast()
                known[top.path] = .some(finished(top))
                continue
            }
            let subdirectory = joined(top.path, top.subdirectories[top.passed].name)
            switch known[subdirectory] {
            case .none: push(subdirectory, &stack)
            case .some(.none):
                stack.removeLast()
                known[top.path] = .some(nil)
            case .some(.some): stack[stack.count - 1].passed += 1
            }
        }
    }

    /// What cannot be equal to anything is known at once.
    private mutating func push(_ path: [UInt8], _ stack: inout [Pending]) {
        if let pending = list(path), !hasUnequal(pending) {
            stack.append(pending)
        } else {
            known[path] = .some(nil)
        }
    }

    /// Whether one in it is known to be equal to nothing: then the others need not be looked into.
    private func hasUnequal(_ directory: Pending) -> Bool {
        directory.subdirectories.contains { subdirectory in
            if case .some(.none) = known[joined(directory.path, subdirectory.name)] { true } else { false }
        }
    }

    private mutating func finished(_ directory: Pending) -> Content {
        var text = directory.text
        var (files, size, diskBytes) = (directory.files, directory.size, directory.diskBytes)
        var hasContent = directory.hasContent
        for (name, mode) in directory.subdirectories {
            guard case .some(.some(let content)) = known[joined(directory.path, name)] else {
                preconditionFailure("a directory ends behind those in it")
            }
            files.addSaturating(content.files)
            size.addSaturating(content.size)
            diskBytes.addSaturating(content.diskBytes)
            if content.hasContent { hasContent = true }
            text.append(Self.line(name, "d", mode, Array("\(content.number)".utf8)))
        }
        // No line is a part of another: a name ends with NUL, and what follows has its length in front.
        let key = Array(text.sorted { $0.lexicographicallyPrecedes($1) }.joined())
        let number = numbers[key] ?? numbers.count
        numbers[key] = number
        return Content(
            number: number, identity: directory.identity, files: files, size: size, diskBytes: diskBytes,
            hasContent: hasContent)
    }

    private static func line(_ name: [UInt8], _ kind: Character, _ mode: UInt32, _ value: [UInt8]) -> [UInt8] {
        name + [0] + Array("\(kind)\(mode) \(value.count) ".utf8) + value
    }

    /// - Returns: nil where there is something in it that is not equal to anything, or that cannot be looked at.
    private func list(_ path: [UInt8]) -> Pending? {
        guard let hold = try? FileHold.hold(joined(path, [UInt8(ascii: ".")])),
            let directory = try? Self.open(hold.number)
        else { return nil }
        var status = FileStatus()
        guard (try? Kernel.status(of: directory.number, .basic, into: &status)) != nil else { return nil }
        var pending = Pending(path: path, identity: status.identity)
        while let count = try? Kernel.listDirectory(directory.number, into: buffer.memory) {
            if count == 0 { return pending }
            for entry in DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer.memory[..<count])) {
                var found = FileStatus()
                guard (try? Kernel.status(of: entry.cString, in: directory.number, .basic, into: &found)) != nil,
                    found.device == status.device, add(entry, found, in: directory.number, to: &pending)
                else { return nil }
            }
        }
        return nil
    }

    private static func open(_ hold: Int32) throws(Errno) -> FileDescriptor {
        let name: [CChar] = [CChar(bitPattern: UInt8(ascii: ".")), 0]
        return try Kernel.openDirectory(name, in: hold, keepAccessTime: true)
    }

    private func add(
        _ entry: DirectoryEntries.Element, _ status: borrowing FileStatus, in directory: Int32,
        to pending: inout Pending
    ) -> Bool {
        let name = Array(entry.name)
        let mode = status.mode & 0o7777
        switch status.kind {
        case .directory: pending.subdirectories.append((name, mode))
        case .symlink:
            guard let target = try? Kernel.symlinkTarget(entry.cString, in: directory) else { return false }
            pending.text.append(Self.line(name, "l", mode, target))
        case .file:
            pending.files += 1
            if status.size == 0 {
                pending.text.append(Self.line(name, "f", mode, []))
                return true
            }
            guard let (index, place) = places[status.identity],
                ContentStatus(status).describesSameContent(as: groups[index].inodes[place].status)
            else { return false }
            pending.size.addSaturating(status.size)
            pending.diskBytes.addSaturating(status.diskBytes)
            pending.hasContent = true
            pending.text.append(Self.line(name, "f", mode, Array("\(index)".utf8)))
        default: return false
        }
        return true
    }

    // MARK: The groups

    private func gathered() -> (directories: [DirectoryGroup], covered: Set<Int>) {
        var members: [Int: [(path: [UInt8], content: Content)]] = [:]
        for (path, content) in known {
            if let content, content.hasContent { members[content.number, default: []].append((path, content)) }
        }
        var all: [Int: DirectoryGroup] = [:]
        var groupOfPath: [[UInt8]: Int] = [:]
        for (number, found) in members {
            var identities: Set<DeviceInode> = []
            // One directory may have several paths: mounts, and PATHs that lie in each other.
            let apart = found.sorted { $0.path.lexicographicallyPrecedes($1.path) }
                .filter { identities.insert($0.content.identity).inserted }
            guard apart.count > 1 else { continue }
            all[number] = DirectoryGroup(
                paths: apart.map(\.path), files: apart[0].content.files, size: apart[0].content.size,
                diskBytes: apart[0].content.diskBytes)
            for (path, _) in apart { groupOfPath[path] = number }
        }
        /// The group of directories that these paths lie in, one in each, under the same name.
        func parent(_ paths: [[UInt8]]) -> Int? {
            var (parents, names): (Set<[UInt8]>, Set<[UInt8]>) = ([], [])
            for path in paths {
                guard let above = above(path) else { return nil }
                parents.insert(above)
                names.insert(Array(path[(path.lastIndex(of: UInt8(ascii: "/"))! + 1)...]))
            }
            guard names.count == 1, parents.count == paths.count, let first = parents.first,
                let number = groupOfPath[first], parents.allSatisfy({ groupOfPath[$0] == number })
            else { return nil }
            return number
        }
        var parents: [Int: Int] = [:]
        for (number, group) in all { parents[number] = parent(group.paths) }
        var covered: Set<Int> = []
        for (index, group) in groups.enumerated() {
            if parent(group.inodes.flatMap(\.paths)) != nil { covered.insert(index) }
        }
        let shown = all.filter { parents[$0.key] == nil }.values.sorted { left, right in
            left.cost == right.cost ? left.paths[0].lexicographicallyPrecedes(right.paths[0]) : left.cost > right.cost
        }
        return (shown, covered)
    }
}

/// Memory for getdents64.
private final class ListingBuffer {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 16)

    deinit { memory.deallocate() }
}
