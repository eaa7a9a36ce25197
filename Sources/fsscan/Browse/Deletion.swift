// Deletes an entry and everything below it, and nothing else, whatever other processes do meanwhile:
//
//   place ── openat, name by name, never through a symlink
//     └─ entry ── statx: not changed since it was seen? ── unlinkat
//          └─ directory ── openat (no symlink), fstat: the same inode, the same mount? ── into it
//                            all below is gone: openat(".."), the inode that was left? ── unlinkat(AT_REMOVEDIR)
//
// Names are relative to a descriptor at every step, so a directory that is moved away is still the one deleted, and a
// replaced directory ends the deletion there. Entries changed or added after the question stay: their ctime, which no
// user can set, shows the change. Between the last check of a name and unlinkat(2) another process may put another file
// under that name; Linux has no call that does both at once.
//
// One descriptor is open at a time, so depth only costs memory.

import CLinux
import Entries
import Glibc
import LinuxKernel
import ScanEngine

/// The target of a deletion, as it was when the question was asked.
struct DeletionTarget: Sendable {
    let options: ScanOptions
    /// From the tree's root down to the directory that contains it.
    let names: [[UInt8]]
    let name: [UInt8]
    let identity: DeviceInode
    let mount: UInt64?
    let isDirectory: Bool
    /// Newer entries are not deleted: by the clock from which files get their times.
    let seen: Moment

    /// Stats it.
    init(_ options: ScanOptions, names: [[UInt8]], name: [UInt8]) throws(Errno) {
        let place = try DirectoryListing(options, names: names)
        var status = FileStatus()
        let now = clinux_now(CLOCK_REALTIME_COARSE)
        seen = Moment(seconds: Int64(now.tv_sec), nanoseconds: Int64(now.tv_nsec))
        try place.status(of: name, into: &status)
        (self.options, self.names, self.name) = (options, names, name)
        (identity, mount, isDirectory) = (status.identity, status.mount, status.kind == .directory)
    }
}

/// What became of a deletion.
struct DeletionOutcome: Sendable {
    var deleted: Int64 = 0
    /// Paths relative to the place, and why they stay; the first of them.
    var failures: [(path: [UInt8], message: String)] = []
    var failureCount: Int64 = 0

    private static let mostFailures = 1000

    mutating func fail(_ path: [UInt8], _ message: String) {
        failureCount += 1
        if failures.count < Self.mostFailures { failures.append((path, message)) }
    }
}

/// Deletes one target. Used once, by one thread.
final class Deletion {
    private let target: DeletionTarget
    private let isCancelled: () -> Bool
    private var outcome = DeletionOutcome()
    /// The directories from the target down to where it is.
    private var levels: [Level] = []
    private var descriptor: Int32 = -1
    /// Inodes with other names that lost one here, with the ctime that they got from that.
    private var touched: [DeviceInode: Moment] = [:]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 16)

    private struct Level {
        let name: [UInt8]
        /// Of the directory above.
        let above: DeviceInode
        /// The names in this directory that are still to be examined.
        var rest: [[UInt8]]
        /// How much had stayed when it was entered.
        let failuresBefore: Int64
    }

    init(_ target: DeletionTarget, isCancelled: @escaping () -> Bool) {
        self.target = target
        self.isCancelled = isCancelled
    }

    deinit {
        buffer.deallocate()
        if descriptor >= 0 { close(descriptor) }
    }

    private func stand(in directory: consuming FileDescriptor) {
        if descriptor >= 0 { close(descriptor) }
        descriptor = directory.release()
    }

    func run() -> DeletionOutcome {
        do throws(Errno) {
            let place = try DirectoryListing(target.options, names: target.names)
            stand(in: try place.openAgain())
        } catch {
            outcome.fail(target.name, error.message)
            return outcome
        }
        delete(target.name, isTarget: true)
        while !levels.isEmpty {
            if isCancelled() {
                outcome.fail(path(nil), "stopped")
                return outcome
            }
            if let name = levels[levels.count - 1].rest.popLast() {
                delete(name, isTarget: false)
            } else if !leave() {
                return outcome
            }
        }
        return outcome
    }

    /// Relative to the place.
    private func path(_ name: [UInt8]?) -> [UInt8] {
        Array((levels.map(\.name) + (name.map { [$0] } ?? [])).joined(separator: [UInt8(ascii: "/")]))
    }

    private func delete(_ name: [UInt8], isTarget: Bool) {
        do throws(Errno) {
            var status = FileStatus()
            try withCName(name) { (name) throws(Errno) in try Kernel.status(of: name, in: descriptor, into: &status) }
            if isTarget, status.identity != target.identity {
                return outcome.fail(path(name), "was replaced after it was listed")
            }
            guard status.identity.device == target.identity.device, status.mount == target.mount else {
                return outcome.fail(path(name), "is on another file system")
            }
            let isOurs = touched[status.identity] == status.changed
            guard isOurs || status.changed < target.seen else {
                return outcome.fail(path(name), "was changed after it was listed")
            }
            if status.kind == .directory { return try enter(name, status) }
            try unlink(name, status)
        } catch {
            outcome.fail(path(name), error.message)
        }
    }

    private func unlink(_ name: [UInt8], _ status: borrowing FileStatus) throws(Errno) {
        // Its ctime changes for the other names, too.
        let other =
            status.links > 1
            ? try withCName(name) { (name) throws(Errno) in try Kernel.openPath(name, in: descriptor) } : nil
        try remove(name, 0)
        guard let other else { return }
        var after = FileStatus()
        try? Kernel.status(of: other.number, into: &after)
        if after.identity == status.identity { touched[after.identity] = after.changed }
    }

    private func remove(_ name: [UInt8], _ flags: Int32) throws(Errno) {
        _ = try withCName(name) { (name) throws(Errno) in
            try Kernel.check { unlinkat(descriptor, name, flags) < 0 ? -errno : 0 }
        }
        outcome.deleted += 1
    }

    private func enter(_ name: [UInt8], _ seen: borrowing FileStatus) throws(Errno) {
        var above = FileStatus()
        try Kernel.status(of: descriptor, into: &above)
        let opened = try withCName(name) { (name) throws(Errno) in
            try Kernel.openDirectory(name, in: descriptor, keepAccessTime: false)
        }
        var status = FileStatus()
        try Kernel.status(of: opened.number, into: &status)
        guard status.identity == seen.identity, status.mount == target.mount else {
            return outcome.fail(path(name), "was replaced after it was listed")
        }
        var names: [[UInt8]] = []
        while true {
            let amount = try Kernel.listDirectory(opened.number, into: buffer)
            if amount == 0 { break }
            for entry in DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<amount])) {
                names.append(Array(entry.name))
            }
        }
        levels.append(
            Level(
                name: name, above: above.identity, rest: names, failuresBefore: outcome.failureCount))
        stand(in: opened)
    }

    /// Goes up, and removes the directory that was left.
    ///
    /// - Returns: false if there is no way back.
    private func leave() -> Bool {
        let level = levels[levels.count - 1]
        var left = FileStatus()
        do throws(Errno) {
            try Kernel.status(of: descriptor, into: &left)
            let above = try Kernel.openDirectory("..", in: descriptor, keepAccessTime: false)
            var status = FileStatus()
            try Kernel.status(of: above.number, into: &status)
            guard status.identity == level.above else {
                outcome.fail(path(nil), "was moved while it was deleted")
                return false
            }
            stand(in: above)
        } catch {
            outcome.fail(path(nil), error.message)
            return false
        }
        levels.removeLast()
        // The entries that stay in it have been reported.
        if outcome.failureCount > level.failuresBefore { return true }
        do throws(Errno) {
            var named = FileStatus()
            try withCName(level.name) { (name) throws(Errno) in
                try Kernel.status(of: name, in: descriptor, into: &named)
            }
            if named.identity == left.identity {
                try remove(level.name, AT_REMOVEDIR)
            } else {
                outcome.fail(path(level.name), "was replaced after it was listed")
            }
        } catch {
            outcome.fail(path(level.name), error.message)
        }
        return true
    }
}

/// A point in time, as files have it.
struct Moment: Comparable {
    var seconds: Int64
    var nanoseconds: Int64

    static func < (left: Moment, right: Moment) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

extension FileStatus {
    /// Time of the last change of anything about it.
    fileprivate var changed: Moment { Moment(seconds: ctime.seconds, nanoseconds: ctime.nanoseconds) }
}

private func withCName<Result: ~Copyable>(
    _ name: [UInt8], _ body: (UnsafePointer<CChar>) throws(Errno) -> Result
) throws(Errno) -> Result {
    let name = name.map { CChar(bitPattern: $0) } + [0]
    return try body(name)
}
