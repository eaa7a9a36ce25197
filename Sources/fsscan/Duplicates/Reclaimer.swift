// Reclaims the space of duplicates. The first file of a group is kept.
//
//   reflink     the kernel compares and shares a range in one step: concurrent writes lose no data
//   hard link   see HardLinking.swift

import CLinux
import Glibc
import LinuxKernel
import ScanEngine

/// What happened to one file: a line of the log.
struct ReclaimAction {
    enum Outcome {
        /// Its bytes on disk, or the bytes that are shared now.
        case done(Int64)
        /// Nothing was changed; the reason follows the path.
        case left(String)
    }

    let path: [UInt8]
    let kept: [UInt8]
    var outcome: Outcome
}

/// Why a file was left alone: a phrase that follows its path.
struct Refusal: Error {
    let message: String

    init(_ message: String) { self.message = message }
    init(_ call: String, _ error: Errno) { message = "\(call): \(error.message)" }

    static let changed = Refusal("was changed after it was compared")
    static let stopped = Refusal("the program was stopped")
}

/// One file of a group, open.
struct ReclaimedFile: ~Copyable {
    let descriptor: FileDescriptor
    let status: FileStatus

    /// Opens it through the first of its paths that leads to it.
    ///
    /// - Throws: if it has changed since it was compared.
    static func open(_ inode: DuplicateInode) throws(Refusal) -> ReclaimedFile {
        var failure: Errno?
        for path in inode.paths {
            do throws(Errno) {
                let hold = try FileHold.hold(path, expecting: inode.identity)
                return try open(hold)
            } catch {
                if failure == nil { failure = error }
            }
        }
        throw failure == .stale ? .changed : Refusal("open", failure ?? .stale)
    }

    private static func open(_ hold: borrowing FileDescriptor) throws(Errno) -> ReclaimedFile {
        let descriptor = try Kernel.open(held: hold.number)
        var status = FileStatus()
        try Kernel.status(of: descriptor.number, .full, into: &status)
        return ReclaimedFile(descriptor: descriptor, status: status)
    }

    func confirm(_ inode: DuplicateInode) throws(Refusal) {
        guard ContentStatus(status).describesSameContent(as: inode.status) else { throw .changed }
    }

    /// The first offset at or after `offset` that is not in a hole; the size if only a hole follows.
    func nextData(from offset: Int64, _ size: Int64) throws(Errno) -> Int64 {
        do throws(Errno) {
            return try Kernel.nextData(descriptor.number, from: offset) ?? size
        } catch {
            if error == .invalid || error == .notSupported { return offset }
            throw error
        }
    }

    /// Bytes on disk that only this file uses, and that sharing with `kept` would free.
    func ownBytes(besides kept: borrowing ReclaimedFile) -> Int64 {
        SharedSpace([kept.space, space]).reclaimable
    }

    private var space: SharedSpace.File {
        SharedSpace.File(
            device: status.identity.device, diskBytes: ContentStatus(status).allocatedBytes,
            extents: try? Kernel.extents(of: descriptor.number))
    }
}

/// Reclaims the space of groups, one file after the other.
struct Reclaimer {
    private let manner: ReclaimManner
    private let isDryRun: Bool
    private let keep: KeepRule
    private let isCancelled: () -> Bool
    private let linking: HardLinking

    /// - Parameters:
    ///   - keep: selects the file to keep on each file system.
    ///   - roots: the PATHs of the scan.
    init(
        _ manner: ReclaimManner, isDryRun: Bool, keep: KeepRule, roots: [[UInt8]], isCancelled: @escaping () -> Bool
    ) {
        (self.manner, self.isDryRun, self.keep, self.isCancelled) = (manner, isDryRun, keep, isCancelled)
        linking = HardLinking(roots, isCancelled: isCancelled)
        // Another process that waits for a lease causes a signal, which would end this process.
        signal(SIGIO, SIG_IGN)
    }

    /// - Parameter tell: called for each file, as soon as it is done.
    func reclaim<Failure: Error>(
        _ group: DuplicateGroup, tell: (ReclaimAction) throws(Failure) -> Void
    ) throws(Failure) {
        for var inodes in Self.byFileSystem(group.inodes) {
            if inodes[0].identity.device != group.inodes[0].identity.device {
                if inodes.count == 1 {
                    let reason = "is not on the file system of the kept file"
                    for path in inodes[0].paths {
                        try tell(ReclaimAction(path: path, kept: group.inodes[0].paths[0], outcome: .left(reason)))
                    }
                }
                keep.bringToFront(&inodes)
            }
            try reclaim(inodes, size: group.size, tell: tell)
        }
    }

    /// The group's first file comes first.
    private static func byFileSystem(_ inodes: [DuplicateInode]) -> [[DuplicateInode]] {
        var parts: [[DuplicateInode]] = []
        var places: [UInt64: Int] = [:]
        for inode in inodes {
            if let place = places[inode.identity.device] {
                parts[place].append(inode)
            } else {
                places[inode.identity.device] = parts.count
                parts.append([inode])
            }
        }
        return parts
    }

    /// - Parameter inodes: on one file system.
    private func reclaim<Failure: Error>(
        _ inodes: [DuplicateInode], size: Int64, tell: (ReclaimAction) throws(Failure) -> Void
    ) throws(Failure) {
        var kept = inodes[0]
        for other in inodes.dropFirst() {
            if isCancelled() { return }
            var (done, bytes): (Int, Int64) = (0, 0)
            var refusal: Refusal?
            do throws(Refusal) {
                switch manner {
                case .reflink:
                    bytes = try share(kept, other, size)
                    done = other.paths.count
                case .hardlink:
                    done = try linking.link(
                        &kept, other, size: size, isDryRun: isDryRun, refusal: &refusal)
                    // Removing the last name frees the space.
                    if refusal == nil { bytes = other.status.allocatedBytes } else { done -= 1 }
                }
            } catch {
                refusal = error
            }
            for (index, path) in other.paths.enumerated() {
                let outcome: ReclaimAction.Outcome =
                    index >= done
                    ? .left(refusal?.message ?? "is left") : .done(index == done - 1 ? bytes : 0)
                try tell(ReclaimAction(path: path, kept: kept.paths[0], outcome: outcome))
            }
        }
    }

    /// - Returns: the bytes on disk that are free now.
    private func share(
        _ kept: DuplicateInode, _ other: DuplicateInode, _ size: Int64
    ) throws(Refusal) -> Int64 {
        let source = try ReclaimedFile.open(kept)
        let target = try ReclaimedFile.open(other)
        try source.confirm(kept)
        try target.confirm(other)
        let before = target.ownBytes(besides: source)
        if before == 0 { throw Refusal("already shares its extents, or has none") }
        if isDryRun {
            // With length 0 the kernel only says whether it could share.
            _ = try Self.share(source, target, from: 0, length: 0)
            return before
        }
        var offset: Int64 = 0
        while offset < size {
            if isCancelled() { throw .stopped }
            let data: Int64
            do throws(Errno) {
                data = try min(source.nextData(from: offset, size), target.nextData(from: offset, size))
            } catch {
                throw Refusal("lseek", error)
            }
            // A hole in both uses no space, and may be exabytes long.
            offset = max(offset, data / Self.alignment * Self.alignment)
            if data >= size { break }
            let shared = try Self.share(source, target, from: offset, length: min(Self.rangeBytes, size - offset))
            guard shared > 0 else { throw Refusal("the file system shares no more of it") }
            offset += shared
        }
        return max(0, before - target.ownBytes(besides: source))
    }

    private static func share(
        _ source: borrowing ReclaimedFile, _ target: borrowing ReclaimedFile, from offset: Int64, length: Int64
    ) throws(Refusal) -> Int64 {
        let shared: Int64?
        do throws(Errno) {
            shared = try Kernel.share(
                source.descriptor.number, with: target.descriptor.number, from: offset, length: length)
        } catch {
            switch error {
            case .notSupported, .invalid, Errno(ENOTTY):
                throw Refusal("the file system cannot share extents")
            default: throw Refusal("FIDEDUPERANGE", error)
            }
        }
        guard let shared else { throw .changed }
        return shared
    }

    /// A length that all file systems accept.
    private static let rangeBytes: Int64 = 16 << 20
    /// Ranges begin at a block boundary; the largest block is 64 KiB.
    private static let alignment: Int64 = 64 << 10
}
