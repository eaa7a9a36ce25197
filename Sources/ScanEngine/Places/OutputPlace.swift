// The place where a report, a trace or a saved scan is written: a path that is resolved one name at a time, each name
// in the open directory from the step before, so that the checked file is the written one.
//
// The kernel's own rules (protected_symlinks) apply only if the kernel follows a link. Here links are read, because a
// file is replaced where a link points, and root has enemies: so root needs rules of its own.
//
//   a directory is open to others     unless it is root's, and neither its group nor the world may write to it
//   an entry of such a directory      (a link, a file, a pipe, a device) is refused unless it belongs to root or to the
//                                     directory's owner
//   a link of that owner              leads only into directories of that owner, who could have written there anyway
//   a file that is written in place (a pipe, a device, a mount point) has no second name in such a directory: any user
//   can hard-link other users' files
//
// The owner of a directory can swap its entries at any time, also after the check. That does not help the attacker: the
// directory is held open, a file gets into it by a rename, which follows no link, and the opened file is the very one
// that was checked.
//
// Names on the command line itself are trusted: fsscan writes into another user's directory in /tmp when asked to.
// An ordinary user has the kernel's protections, and follows links as the kernel lets him.

import CLinux
import Glibc
package import LinuxKernel

/// Why a place is refused.
package struct PlaceError: Error, Equatable {
    package var error: Errno
    /// The problem with the place, if it is more than the errno.
    package var reason: String?

    package init(_ error: Errno, _ reason: String? = nil) {
        self.error = error
        self.reason = reason
    }

    package var message: String { reason.map { "\($0): \(error.message)" } ?? error.message }

    /// Runs code that can fail with an errno alone.
    package static func converting<Result>(_ body: () throws(Errno) -> Result) throws(PlaceError) -> Result {
        do throws(Errno) {
            return try body()
        } catch {
            throw PlaceError(error)
        }
    }
}

/// The places that root refuses to write to.
struct OutputRules: Sendable {
    /// Other users have only the kernel's protections.
    let areRoots: Bool

    init() { areRoots = geteuid() == 0 }

    static func isOpenToOthers(_ directory: FileStatus) -> Bool { directory.uid != 0 || directory.mode & 0o022 != 0 }

    /// Fails for an entry that must not be used.
    func check(_ entry: FileStatus, in directory: FileStatus) throws(PlaceError) {
        guard areRoots, Self.isOpenToOthers(directory), entry.uid != 0, entry.uid != directory.uid else { return }
        let kind = entry.kind == .symlink ? "a symbolic link" : entry.kind == .file ? "a file" : "a special file"
        throw PlaceError(.access, "\(kind) of uid \(entry.uid), in a directory that others may write to")
    }

    /// The same for an entry that is written to instead of replaced.
    func check(writingTo entry: FileStatus, in directory: FileStatus) throws(PlaceError) {
        guard areRoots, Self.isOpenToOthers(directory), entry.links > 1 else { return }
        throw PlaceError(.access, "it has another name, and others may write to its directory")
    }
}

/// A file or directory pinned with `O_PATH`: it stays the same whatever happens to its name, and it was not opened.
package final class HeldFile: Sendable {
    package let descriptor: FileDescriptor
    package let status: FileStatus

    /// - Parameter flags: `O_NOFOLLOW`, `O_DIRECTORY`.
    init(_ name: [UInt8], in directory: Int32, _ flags: Int32) throws(Errno) {
        let name = name.map { CChar(bitPattern: $0) } + [0]
        let flags = CLINUX_O_PATH | O_CLOEXEC | flags
        descriptor = FileDescriptor(owning: try Kernel.check { clinux_openat(directory, name, flags) })
        var status = FileStatus()
        try Kernel.status(of: descriptor.number, into: &status)
        self.status = status
    }
}

/// A name in an open directory, and the entry there.
package struct OutputPlace: Sendable {
    package let directory: HeldFile
    package let name: [UInt8]
    /// The same place as a path without links, for callers that need one.
    package let path: [UInt8]
    /// Nil if there was nothing.
    package let existing: HeldFile?
    let rules: OutputRules

    package var isOpenToOthers: Bool { OutputRules.isOpenToOthers(directory.status) }

    /// Whether the new file takes over mode and owner of the old one. A file that others have put there does not make
    /// root's report theirs. A file that root has put there, or in a place where only root can put something, shows the
    /// intended mode.
    package var keepsModeAndOwner: Bool {
        guard let status = existing?.status else { return false }
        return !rules.areRoots || !isOpenToOthers || (status.uid == 0 && status.links == 1)
    }

    /// The default mode of a new file, before the umask. A scan by root contains names from unreadable directories.
    package var newMode: UInt32 { rules.areRoots ? 0o600 : 0o666 }
}

/// The destination that a FILE of the command line names.
package enum OutputDestination: Sendable {
    /// `/dev/stdout`, `/dev/fd/3`: reopening it would start at offset 0 of a file in append mode, and fails for
    /// sockets.
    case openDescriptor(CInt)
    case place(OutputPlace)

    /// Fails if nothing can be written: no such directory, a directory, a link that must not be followed.
    package init(_ path: [UInt8]) throws(PlaceError) {
        var resolution = try OutputResolution(path)
        while true {
            if let target = try resolution.step() {
                self = target
                return
            }
        }
    }
}
