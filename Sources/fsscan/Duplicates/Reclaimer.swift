// Taking back what is there twice. The first file of a group stays as it is.
//
//   reflink     the kernel compares and shares a range in one step: whatever others write meanwhile, no byte is lost
//   hard link   see HardLinking.swift

import CLinux
import Glibc
import LinuxKernel
import ScanEngine

/// What became of one file: a line of the log.
struct ReclaimAction {
    enum Outcome {
        /// Its bytes on disk, or those that are shared now.
        case done(Int64)
        /// Nothing was changed: a sentence that follows the path.
        case left(String)
    }

    let path: [UInt8]
    let kept: [UInt8]
    var outcome: Outcome
}

/// Why a file stays as it is: a sentence that follows its path.
struct Refusal: Error {
    let message: String

    init(_ message: String) { self.message = message }
    init(_ call: String, _ error: Errno) { message = "\(call): \(error.message)" }

    static let changed = Refusal("was changed after it was compared")
}

/// One file of a group, open.
struct ReclaimedFile: ~Copyable {
    let descriptor: FileDescriptor
    let status: FileStatus

    /// By the first of its paths that leads to it.
    ///
    /// - Throws: where it does not look as it did when it was compared.
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
}

/// Gives back the space of groups, one file after the other.
struct Reclaimer {
    private let manner: ReclaimManner
    private let isDryRun: Bool
    private let isCancelled: () -> Bool
    private let linking = HardLinking()

    init(_ manner: ReclaimManner, isDryRun: Bool, isCancelled: @escaping () -> Bool) {
        (self.manner, self.isDryRun, self.isCancelled) = (manner, isDryRun, isCancelled)
        // Who waits for a lease is told by a signal that would end the process.
        signal(SIGIO, SIG_IGN)
    }

    /// - Parameter tell: told what became of each file, at once: what is told is done.
    func reclaim<Failure: Error>(
        _ group: DuplicateGroup, tell: (ReclaimAction) throws(Failure) -> Void
    ) throws(Failure) {
        var kept = group.inodes[0]
        for other in group.inodes.dropFirst() {
            if isCancelled() { return }
            var (done, bytes): (Int, Int64) = (0, 0)
            var refusal: Refusal?
            do throws(Refusal) {
                guard other.identity.device == kept.identity.device else {
                    throw Refusal("is on another file system than the file that stays")
                }
                switch manner {
                case .reflink:
                    bytes = try share(kept, other, group)
                    done = other.paths.count
                case .hardlink:
                    done = try linking.link(
                        &kept, other, size: group.size, isDryRun: isDryRun, refusal: &refusal)
                    // The last name gives the space back.
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

    /// - Returns: how many bytes are shared now.
    private func share(
        _ kept: DuplicateInode, _ other: DuplicateInode, _ group: DuplicateGroup
    ) throws(Refusal) -> Int64 {
        if group.reclaimableBytes == 0 { throw Refusal("shares its extents already, or has none") }
        let source = try ReclaimedFile.open(kept)
        let target = try ReclaimedFile.open(other)
        try source.confirm(kept)
        try target.confirm(other)
        if isDryRun { return other.status.allocatedBytes }
        var offset: Int64 = 0
        while offset < group.size {
            let length = min(Self.rangeBytes, group.size - offset)
            let shared: Int64?
            do throws(Errno) {
                shared = try Kernel.share(
                    source.descriptor.number, with: target.descriptor.number, from: offset, length: length)
            } catch {
                switch error {
                case .notSupported, .invalid, Errno(ENOTTY):
                    throw Refusal("the file system does not let files share their bytes")
                default: throw Refusal("FIDEDUPERANGE", error)
                }
            }
            guard let shared else { throw .changed }
            guard shared > 0 else { throw Refusal("the file system shares no more of it") }
            offset += shared
        }
        return offset
    }

    /// What all file systems take at a time.
    private static let rangeBytes: Int64 = 16 << 20
}
