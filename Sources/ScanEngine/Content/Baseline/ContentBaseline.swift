import CLinux
package import Entries
import Glibc
package import LinuxKernel

/// The content of files in a saved scan. A new scan reuses it for files that look unchanged.
///
/// A file looks unchanged if its device, inode, size, mtime and ctime are the same. A write changes ctime, and no
/// system call sets it. But content can change without a write: the owner of two files can exchange their contents
/// (XFS_IOC_SWAPEXT, EXT4_IOC_MOVE_EXT), and write through a mapping to a dirty page, whose time the kernel has
/// recorded before. Root can also set the clock, and write to the disk. So files that others may write to are read
/// again, and a random share of the rest.
///
/// `@unchecked Sendable`: nothing changes after `init`.
package final class ContentBaseline: @unchecked Sendable {
    /// The files whose saved content is reused, among those that look unchanged.
    package struct Trust: Sendable {
        /// Also files that users other than root and the scanning user may write to.
        package var timesAlone = false
        /// The share of the rest that is read anyway, 0 to 1: a different, unpredictable one in each scan.
        package var reread = 0.0

        package init() {}
    }

    private let table: ContentTable
    private let wantsTypes: Bool
    private let trust: Trust
    private let user = geteuid()
    private let key = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

    /// - Parameters:
    ///   - table: with the digests that the new scan needs.
    ///   - mime: the new scan also needs MIME types.
    package init(_ table: consuming ContentTable, mime: Bool, trust: Trust = Trust()) {
        self.table = table
        wantsTypes = mime
        self.trust = trust
    }

    /// The error for a file whose digests differ from those of the baseline, although it looks unchanged.
    package static let contradiction =
        "its content has changed and its times have not: it was changed in a way that leaves no trace"

    /// The requested algorithms that were not saved: with any of these, every file is read.
    package static func missing(_ wanted: DigestSet, in saved: DigestSet) -> [DigestAlgorithm] {
        wanted.algorithms.filter { !saved.algorithms.contains($0) }
    }

    /// The saved content of an entry. Not an `EntryContent`: its digests stay where they are, so that an entry that is
    /// taken over needs no allocation.
    package struct Known {
        /// A row of the requested digests: valid as long as the baseline.
        package var digests: UnsafeRawBufferPointer
        /// Of a regular file, if types are wanted.
        package var mime: String?
        package var use: Use
    }

    package enum Use: Equatable, Sendable {
        /// The file need not be read.
        case takeOver
        /// It belongs to the share that is read anyway.
        case readAtRandom
        /// Others may write to it.
        case readAsOthersMayWrite
    }

    /// The saved content of a regular file or symlink that looks unchanged.
    ///
    /// - Parameters:
    ///   - isServed: the file's status comes from a server, perhaps another user's (FUSE).
    ///   - cursor: starts as -1; one for each user.
    /// - Returns: nil if it must be read.
    package func known(
        _ status: borrowing FileStatus, _ kind: EntryKind, isServed: Bool, _ cursor: inout Int
    ) -> Known? {
        guard let record = table.find(status, &cursor) else { return nil }
        var type: String?
        if wantsTypes, kind == .file {
            type = table.type(of: record)
            if type == nil { return nil }
        }
        return Known(digests: table.row(of: record), mime: type, use: use(status, kind, isServed))
    }

    private func use(_ status: borrowing FileStatus, _ kind: EntryKind, _ isServed: Bool) -> Use {
        if isServed, !trust.timesAlone { return .readAsOthersMayWrite }
        // A symlink's target is set when it is created.
        if kind == .symlink { return .takeOver }
        // An access control list is visible here: its mask replaces the group's bits.
        let (owner, mode) = (status.uid, status.mode)
        let isOurs = (owner == 0 || owner == user) && mode & UInt32(S_IWGRP | S_IWOTH) == 0
        if !isOurs, !trust.timesAlone { return .readAsOthersMayWrite }
        if trust.reread > 0 {
            if draw(status) < trust.reread { return .readAtRandom }
        }
        return .takeOver
    }

    /// From 0 to 1, the same for all names of an inode, for the lifetime of the baseline. Two rounds of a keyed mixer:
    /// it is unpredictable without knowing which files were read before.
    private func draw(_ status: borrowing FileStatus) -> Double {
        let first = Self.mixed(status.inode ^ key.0)
        let second = Self.mixed(first &+ status.device ^ key.1)
        return Double(second >> 11) * 0x1p-53
    }

    /// The finalizer of SplitMix64.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var value = value &+ 0x9e37_79b9_7f4a_7c15
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
