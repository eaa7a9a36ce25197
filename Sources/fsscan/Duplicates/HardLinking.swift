// Replaces the names of a file with hard links to an equal file. Nothing is lost, whatever other processes do:
//
//   both files open, under write leases: no other process has them open; one that opens them waits until we close
//     └─ both are unchanged since before the leases? compare them, byte by byte, by these descriptors
//          └─ for all names of the other file: linkat .fsscan-1f… ──▶ the kept file
//               └─ for all: renameat2   the two names are exchanged in one step: the name always leads to the content
//                    └─ each .fsscan-1f… leads to the file that was compared, which has the same size, owner, mode and
//                       number of names? both leases still there?
//                         no:  all are exchanged back; nothing has happened
//                         yes: all .fsscan-1f… are removed
//
// If the process is killed between two steps, names .fsscan-… are left over. They lead to the same content.
//
// One gap remains: a process that looked the name up before the exchange, and opens the file after the last check of
// the leases, writes to a file without a name. The gap is two system calls long.

import CLinux
import Glibc
import LinuxKernel
import ScanEngine

final class HardLinking {
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 << 20, alignment: 4096)
    /// The PATHs of the scan: symlinks below them are not followed.
    private let roots: [[UInt8]]
    private let isCancelled: () -> Bool

    init(_ roots: [[UInt8]], isCancelled: @escaping () -> Bool) {
        (self.roots, self.isCancelled) = (roots, isCancelled)
    }

    deinit { buffer.deallocate() }

    /// Replaces all names of `other` with links to `kept`.
    ///
    /// - Parameters:
    ///   - kept: its status is updated, because a new link changes the ctime.
    ///   - isDryRun: only checks whether it is possible: takes and releases the leases.
    ///   - refusal: names that were left over although all names were linked.
    /// - Returns: the number of replaced names: all.
    /// - Throws: the reason why none was replaced.
    func link(
        _ kept: inout DuplicateInode, _ other: DuplicateInode, size: Int64, isDryRun: Bool, refusal: inout Refusal?
    ) throws(Refusal) -> Int {
        let stays = try ReclaimedFile.open(kept)
        let goes = try ReclaimedFile.open(other)
        try stays.confirm(kept)
        try goes.confirm(other)
        try confirmAlike(stays, goes)
        let names = try distinct(other.paths)
        if Int64(goes.status.links) > Int64(names.count) {
            throw Refusal("has names outside the searched paths, so nothing would be gained")
        }
        try takeLease(stays.descriptor.number, "the kept file")
        try takeLease(goes.descriptor.number, "it")
        // Before the leases, others could write, or change the mode.
        try confirmUnchanged(stays)
        try confirmUnchanged(goes)
        if isDryRun {
            for place in names { try place.confirmWritable() }
            return other.paths.count
        }
        try compare(stays, goes, size)
        try replace(names, stays, goes, &refusal)
        // Under the lease, the only changes are our own.
        var status = FileStatus()
        if (try? Kernel.status(of: stays.descriptor.number, .full, into: &status)) != nil {
            kept = DuplicateInode(identity: kept.identity, paths: kept.paths, status: ContentStatus(status))
        }
        return other.paths.count
    }

    /// Names of one inode share everything except the name.
    private func confirmAlike(_ stays: borrowing ReclaimedFile, _ goes: borrowing ReclaimedFile) throws(Refusal) {
        let (one, other) = (stays.status, goes.status)
        if one.mount != other.mount { throw Refusal("is not on the mount of the kept file") }
        if one.uid != other.uid || one.gid != other.gid { throw Refusal("has a different owner from the kept file") }
        if one.mode != other.mode { throw Refusal("has a different mode from the kept file") }
        // A file system without them: equal.
        let flags = (
            try? Kernel.inodeFlags(of: stays.descriptor.number), try? Kernel.inodeFlags(of: goes.descriptor.number)
        )
        if one.flags != other.flags || flags.0 != flags.1 {
            throw Refusal("has different inode flags from the kept file")
        }
        do throws(Errno) {
            let names = try Kernel.attributeNames(of: stays.descriptor.number, isPathOnly: false)
            guard try names == Kernel.attributeNames(of: goes.descriptor.number, isPathOnly: false) else {
                throw Errno.invalid
            }
            for name in names {
                let value = try Kernel.attribute(name, of: stays.descriptor.number, isPathOnly: false)
                guard try value == Kernel.attribute(name, of: goes.descriptor.number, isPathOnly: false) else {
                    throw Errno.invalid
                }
            }
        } catch {
            if error == .invalid { throw Refusal("has different extended attributes from the kept file") }
            throw Refusal("listxattr", error)
        }
    }

    /// Throws if a file has changed since it was opened: any change sets its ctime.
    private func confirmUnchanged(_ file: borrowing ReclaimedFile) throws(Refusal) {
        let now = try Self.status(of: file)
        guard ContentStatus(now).describesSameContent(as: ContentStatus(file.status)), Self.isAlike(now, file.status)
        else { throw Refusal.changed }
    }

    /// Compares everything except times, which an exchange of names changes.
    private static func isAlike(_ now: borrowing FileStatus, _ before: borrowing FileStatus) -> Bool {
        (now.size, now.links, now.mode, now.uid, now.gid)
            == (before.size, before.links, before.mode, before.uid, before.gid)
    }

    private static func status(of file: borrowing ReclaimedFile) throws(Refusal) -> FileStatus {
        var status = FileStatus()
        do throws(Errno) {
            try Kernel.status(of: file.descriptor.number, .full, into: &status)
        } catch {
            throw Refusal("statx", error)
        }
        return status
    }

    private func takeLease(_ descriptor: Int32, _ which: String) throws(Refusal) {
        do throws(Errno) {
            try Kernel.takeWriteLease(descriptor)
        } catch {
            switch error {
            case .wouldBlock: throw Refusal("\(which) is open elsewhere")
            case .access: throw Refusal("\(which) belongs to another user, and only its owner can take a lease")
            default: throw Refusal("cannot take a lease (\(error.message))")
            }
        }
    }

    private func compare(
        _ stays: borrowing ReclaimedFile, _ goes: borrowing ReclaimedFile, _ size: Int64
    ) throws(Refusal) {
        let (one, other) = (stays.descriptor.number, goes.descriptor.number)
        let half = buffer.count / 2
        let first = UnsafeMutableRawBufferPointer(rebasing: buffer[..<half])
        let second = UnsafeMutableRawBufferPointer(rebasing: buffer[half...])
        var offset: Int64 = 0
        while offset < size {
            if isCancelled() { throw .stopped }
            // A process that opens a file waits for the lease.
            try confirmLeases(stays, goes)
            do throws(Errno) {
                // A hole in both is equal.
                let data = try min(stays.nextData(from: offset, size), goes.nextData(from: offset, size))
                if data > offset {
                    offset = data
                    continue
                }
                let length = Int(min(Int64(half), size - offset))
                try read(one, at: offset, into: UnsafeMutableRawBufferPointer(rebasing: first[..<length]))
                try read(other, at: offset, into: UnsafeMutableRawBufferPointer(rebasing: second[..<length]))
                guard memcmp(first.baseAddress!, second.baseAddress!, length) == 0 else { throw .stale }
                offset += Int64(length)
            } catch {
                throw error == .stale ? Refusal.changed : Refusal("read", error)
            }
        }
    }

    private func read(
        _ descriptor: Int32, at offset: Int64, into part: UnsafeMutableRawBufferPointer
    ) throws(Errno) {
        var done = 0
        while done < part.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: part[done...])
            let count = try Kernel.read(descriptor, at: offset + Int64(done), into: rest)
            if count == 0 { throw .stale }
            done += count
        }
    }

    // MARK: Names

    /// A name of the file to replace, and its replacement.
    private final class Place {
        let directory: FileDescriptor
        let identity: DeviceInode
        let name: [UInt8]
        var temporary: [UInt8]?
        var isExchanged = false

        init(_ path: [UInt8], below roots: [[UInt8]]) throws(Refusal) {
            do throws(Errno) {
                directory = try FileHold.holdDirectory(of: path, below: roots)
            } catch {
                throw Refusal("open of its directory", error)
            }
            identity = try HardLinking.identity(of: Array(".".utf8), in: directory.number)
            name = path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[($0 + 1)...]) } ?? path
        }

        func confirmWritable() throws(Refusal) {
            do throws(Errno) {
                try Kernel.confirmWritable(directory: directory.number)
            } catch {
                throw Refusal("its directory cannot be written to", error)
            }
        }
    }

    /// Each name once: overlapping PATHs and symlinked directories spell a name in several ways.
    private func distinct(_ paths: FilePaths) throws(Refusal) -> [Place] {
        struct Key: Hashable {
            let directory: DeviceInode
            let name: [UInt8]
        }
        var seen: Set<Key> = []
        var places: [Place] = []
        for path in paths {
            let place = try Place(path, below: roots)
            if seen.insert(Key(directory: place.identity, name: place.name)).inserted { places.append(place) }
        }
        return places
    }

    /// Replaces all names or none, so that hard links stay together.
    ///
    /// - Parameter refusal: names that were left over although all were replaced.
    private func replace(
        _ places: [Place], _ stays: borrowing ReclaimedFile, _ goes: borrowing ReclaimedFile, _ refusal: inout Refusal?
    ) throws(Refusal) {
        do throws(Refusal) {
            for place in places {
                let temporary = try makeName(stays.descriptor.number, in: place.directory.number)
                place.temporary = temporary
                guard try Self.identity(of: place.name, in: place.directory.number) == goes.status.identity else {
                    throw Refusal.changed
                }
            }
            try confirmLeases(stays, goes)
            for place in places {
                guard let temporary = place.temporary else { continue }
                try Self.exchange(temporary, place.name, in: place.directory.number)
                place.isExchanged = true
            }
            for place in places {
                guard let temporary = place.temporary,
                    try Self.identity(of: temporary, in: place.directory.number) == goes.status.identity
                else { throw Refusal.changed }
            }
            guard Self.isAlike(try Self.status(of: goes), goes.status) else { throw Refusal.changed }
            try confirmLeases(stays, goes)
        } catch {
            undo(places, stays, &refusal)
            throw refusal ?? error
        }
        for place in places {
            guard let temporary = place.temporary else { continue }
            do throws(Refusal) {
                try Self.remove(temporary, leadingTo: goes.status.identity, in: place.directory.number)
            } catch {
                // The name was replaced; the old file still has the temporary name.
                refusal = error
            }
        }
    }

    /// - Parameter trouble: collects the steps that could not be undone.
    private func undo(_ places: [Place], _ stays: borrowing ReclaimedFile, _ trouble: inout Refusal?) {
        for place in places.reversed() {
            guard let temporary = place.temporary else { continue }
            do throws(Refusal) {
                if place.isExchanged { try Self.exchange(temporary, place.name, in: place.directory.number) }
                try Self.remove(temporary, leadingTo: stays.status.identity, in: place.directory.number)
            } catch {
                trouble = error
            }
        }
    }

    private func confirmLeases(
        _ stays: borrowing ReclaimedFile, _ goes: borrowing ReclaimedFile
    ) throws(Refusal) {
        guard Kernel.hasWriteLease(stays.descriptor.number), Kernel.hasWriteLease(goes.descriptor.number) else {
            throw Refusal("was opened by another process meanwhile")
        }
    }

    /// A link to the kept file under a random, unused name.
    private func makeName(_ descriptor: Int32, in directory: Int32) throws(Refusal) -> [UInt8] {
        while true {
            let name = Array(".fsscan-\(String(UInt64.random(in: 0 ... .max), radix: 16))".utf8)
            do throws(Errno) {
                try Self.withCName(name) { (name) throws(Errno) in
                    try Kernel.link(descriptor, as: name, in: directory)
                }
                return name
            } catch {
                switch error {
                case Errno(EEXIST): continue
                case .crossDevice: throw Refusal("is not on the mount of the kept file")
                case Errno(EMLINK): throw Refusal("the kept file has the maximum number of names")
                default: throw Refusal("linkat", error)
                }
            }
        }
    }

    private static func identity(of name: [UInt8], in directory: Int32) throws(Refusal) -> DeviceInode {
        var status = FileStatus()
        do throws(Errno) {
            try withCName(name) { (name) throws(Errno) in
                try Kernel.status(of: name, in: directory, .basic, into: &status)
            }
        } catch {
            throw Refusal("statx", error)
        }
        return status.identity
    }

    private static func exchange(_ one: [UInt8], _ other: [UInt8], in directory: Int32) throws(Refusal) {
        do throws(Errno) {
            try withCName(one) { (one) throws(Errno) in
                try withCName(other) { (other) throws(Errno) in try Kernel.exchange(one, other, in: directory) }
            }
        } catch {
            throw Refusal("renameat2", error)
        }
    }

    /// Removes a name that this program made, unless another file has replaced it.
    private static func remove(
        _ name: [UInt8], leadingTo identity: DeviceInode, in directory: Int32
    ) throws(Refusal) {
        guard try self.identity(of: name, in: directory) == identity else {
            throw Refusal(
                "was replaced meanwhile; the replacement is \(String(decoding: name, as: UTF8.self)) beside it")
        }
        do throws(Errno) {
            try withCName(name) { (name) throws(Errno) in try Kernel.removeName(name, in: directory) }
        } catch {
            throw Refusal(
                "its removal failed (\(error.message)): \(String(decoding: name, as: UTF8.self)) is left beside it")
        }
    }

    private static func withCName<Result>(
        _ name: [UInt8], _ body: (UnsafePointer<CChar>) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        let name = name.map { CChar(bitPattern: $0) } + [0]
        return try body(name)
    }
}
