// Makes the names of one file lead to another of the same content, so that nothing is lost whatever others do:
//
//   both files open, under write leases: nobody else has them open; who opens one waits until we close it
//     └─ both look as they did before there were leases? compared, byte by byte, by these descriptors
//          └─ for all names of the other file: linkat .fsscan-1f… ──▶ the file that stays
//               └─ for all: renameat2   the two names are exchanged in one step: the name always leads to the content
//                    └─ each .fsscan-1f… leads to the file that was compared, which has the same size, owner, mode and
//                       number of names? both leases still there?
//                         no:  all are exchanged back; nothing has happened
//                         yes: all .fsscan-1f… are removed
//
// Killed between two of these steps, names .fsscan-… are left, which lead to the same content.
//
// What remains: who has looked the name up before it was exchanged, and opens the file after the leases were looked at
// last, writes to a file that has no name any more. The time between is that of two system calls.

import CLinux
import Glibc
import LinuxKernel
import ScanEngine

final class HardLinking {
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 << 20, alignment: 4096)
    /// The PATHs of the scan: below them no symlink is followed.
    private let roots: [[UInt8]]
    private let isCancelled: () -> Bool

    init(_ roots: [[UInt8]], isCancelled: @escaping () -> Bool) {
        (self.roots, self.isCancelled) = (roots, isCancelled)
    }

    deinit { buffer.deallocate() }

    /// Makes all names of `other` names of `kept`.
    ///
    /// - Parameters:
    ///   - kept: looks different afterwards: a new name changes its ctime.
    ///   - isDryRun: only looks whether it can be done: takes the leases, and gives them up.
    ///   - refusal: what was left over, though all names were linked.
    /// - Returns: how many names lead to the file that stays now: all.
    /// - Throws: why all were left.
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
            throw Refusal("has names outside of what was searched, so nothing would be gained")
        }
        try takeLease(stays.descriptor.number, "the file that stays")
        try takeLease(goes.descriptor.number, "it")
        // Before there were leases others could write, and change the mode.
        try confirmUnchanged(stays)
        try confirmUnchanged(goes)
        if isDryRun {
            for place in names { try place.confirmWritable() }
            return other.paths.count
        }
        try compare(stays, goes, size)
        try replace(names, stays, goes, &refusal)
        // Under the lease: what changed about it is what was done here.
        var status = FileStatus()
        if (try? Kernel.status(of: stays.descriptor.number, .full, into: &status)) != nil {
            kept = DuplicateInode(identity: kept.identity, paths: kept.paths, status: ContentStatus(status))
        }
        return other.paths.count
    }

    /// Names of one inode share all but their names.
    private func confirmAlike(_ stays: borrowing ReclaimedFile, _ goes: borrowing ReclaimedFile) throws(Refusal) {
        let (one, other) = (stays.status, goes.status)
        if one.mount != other.mount { throw Refusal("is on another mount than the file that stays") }
        if one.uid != other.uid || one.gid != other.gid { throw Refusal("has another owner than the file that stays") }
        if one.mode != other.mode { throw Refusal("has another mode than the file that stays") }
        // Where the file system has none, they are the same.
        let flags = (
            try? Kernel.inodeFlags(of: stays.descriptor.number), try? Kernel.inodeFlags(of: goes.descriptor.number)
        )
        if one.flags != other.flags || flags.0 != flags.1 {
            throw Refusal("has other inode flags than the file that stays")
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
            if error == .invalid { throw Refusal("has other extended attributes than the file that stays") }
            throw Refusal("listxattr", error)
        }
    }

    /// Throws unless a file is what it was when it was opened: whatever is done to it changes its ctime.
    private func confirmUnchanged(_ file: borrowing ReclaimedFile) throws(Refusal) {
        let now = try Self.status(of: file)
        guard ContentStatus(now).describesSameContent(as: ContentStatus(file.status)), Self.isAlike(now, file.status)
        else { throw Refusal.changed }
    }

    /// Beside the times, which an exchange of names changes.
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
            case .access: throw Refusal("\(which) belongs to somebody else, who alone can keep others from opening it")
            default: throw Refusal("no lease is to be had (\(error.message))")
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
            // Whoever opens a file waits for the lease.
            try confirmLeases(stays, goes)
            do throws(Errno) {
                // What is a hole in both is the same in both.
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

    /// A name of the file that goes, and the one that takes its place.
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

    /// Each name once: overlapping PATHs, and links to directories, spell one in several ways.
    private func distinct(_ paths: [[UInt8]]) throws(Refusal) -> [Place] {
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

    /// All names or none: names of one file stay names of one file.
    ///
    /// - Parameter refusal: what was left over, though all were replaced.
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
                // The name has been replaced; what it was has another one.
                refusal = error
            }
        }
    }

    /// - Parameter trouble: what could not be undone.
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
            throw Refusal("was opened by somebody meanwhile")
        }
    }

    /// A name that nobody else has thought of, for the file that stays.
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
                case .crossDevice: throw Refusal("is on another mount than the file that stays")
                case Errno(EMLINK): throw Refusal("the file that stays has as many names as there can be")
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

    /// Of a name that this program has made, if nobody has put another file there.
    private static func remove(
        _ name: [UInt8], leadingTo identity: DeviceInode, in directory: Int32
    ) throws(Refusal) {
        guard try self.identity(of: name, in: directory) == identity else {
            throw Refusal(
                "was replaced meanwhile; what had its name is \(String(decoding: name, as: UTF8.self)) beside it")
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
