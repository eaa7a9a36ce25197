// Where a report, a trace or a saved scan is written: a path that is resolved one name at a time, each name in the open
// directory that the last one gave, so that what was checked is what is written to.
//
// The kernel's own rules (protected_symlinks) hold for whoever lets the kernel follow a link. Here links are read,
// because a file is replaced where a link points, and root has enemies: so root needs rules of its own.
//
//   a directory is open to others     unless it is root's, and neither its group nor the world may write to it
//   what stands in such a directory   (a link, a file, a pipe, a device) is refused unless it is root's or the directory's
//                                     owner's
//   a link of that owner              leads nowhere but into his own directories, where he could have written himself
//   what is written in place          (a pipe, a device, a mount point) has no second name in such a directory: a hard
//                                     link can be made to what belongs to others
//
// Who owns a directory can swap what is in it at any time, also after the check. That does not help him: the directory
// is held open, a file gets into it by a rename, which follows no link, and what is opened is the very thing that was
// checked.
//
// What the command line itself names is not doubted: somebody's directory in /tmp is written into when it is asked for.
// An ordinary user has the kernel's protections, and follows links as the kernel lets him.

import CLinux
import Glibc
package import LinuxKernel

/// Why nothing is written to a place.
package struct PlaceError: Error, Equatable {
    package var error: Errno
    /// What is wrong with the place, where that is more than the errno.
    package var reason: String?

    package init(_ error: Errno, _ reason: String? = nil) {
        self.error = error
        self.reason = reason
    }

    package var message: String { reason.map { "\($0): \(error.message)" } ?? error.message }

    /// Does what can fail with an errno alone.
    package static func converting<Result>(_ body: () throws(Errno) -> Result) throws(PlaceError) -> Result {
        do throws(Errno) {
            return try body()
        } catch {
            throw PlaceError(error)
        }
    }
}

/// What root does not write to.
struct OutputRules: Sendable {
    /// Anybody else has the kernel's protections, and no others.
    let areRoots: Bool

    init() { areRoots = geteuid() == 0 }

    static func isOpenToOthers(_ directory: FileStatus) -> Bool { directory.uid != 0 || directory.mode & 0o022 != 0 }

    /// Fails for an entry that is not to be used.
    func check(_ entry: FileStatus, in directory: FileStatus) throws(PlaceError) {
        guard areRoots, Self.isOpenToOthers(directory), entry.uid != 0, entry.uid != directory.uid else { return }
        let kind = entry.kind == .symlink ? "a symbolic link" : entry.kind == .file ? "a file" : "a special file"
        throw PlaceError(.access, "\(kind) of uid \(entry.uid), in a directory that others may write to")
    }

    /// The same for what is not replaced but written to.
    func check(writingTo entry: FileStatus, in directory: FileStatus) throws(PlaceError) {
        guard areRoots, Self.isOpenToOthers(directory), entry.links > 1 else { return }
        throw PlaceError(.access, "it has another name, and others may write to its directory")
    }
}

/// A file or directory held with `O_PATH`: it stays this one whatever becomes of its name, and nothing of it was
/// opened.
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

/// A name in an open directory, and what stands there.
package struct OutputPlace: Sendable {
    package let directory: HeldFile
    package let name: [UInt8]
    /// The same place as a path without links in it, for those who need one.
    package let path: [UInt8]
    /// Nil: nothing was there.
    package let existing: HeldFile?
    let rules: OutputRules

    package var isOpenToOthers: Bool { OutputRules.isOpenToOthers(directory.status) }

    /// Whether the new file takes over the mode and the owner of what was there. What others have put there does not
    /// make root's report theirs; what root has put there, or what stands where only root can put something, tells what
    /// is wanted.
    package var keepsModeAndOwner: Bool {
        guard let status = existing?.status else { return false }
        return !rules.areRoots || !isOpenToOthers || (status.uid == 0 && status.links == 1)
    }

    /// The mode of a new file, before the umask, where nobody asked for one. What root sees has names of closed
    /// directories in it.
    package var newMode: UInt32 { rules.areRoots ? 0o600 : 0o666 }
}

/// What a FILE of the command line turns out to be.
package enum OutputDestination: Sendable {
    /// `/dev/stdout`, `/dev/fd/3`: opening it again would start at offset 0 of a file that is being appended to, and
    /// fails for sockets.
    case openDescriptor(CInt)
    case place(OutputPlace)

    /// Fails where nothing can be written: no such directory, a directory, a link that is not to be followed.
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
