import CLinux
import Glibc
package import LinuxKernel

extension OutputPlace {
    /// How a regular file, or what will be one, gets its new content.
    package enum Manner: Equatable, Sendable {
        /// A new file takes its place, or its name.
        case replacement
        /// It is written to, as it cannot be replaced.
        case inPlace(reason: String)
    }

    /// Asks for what would fail when the report is complete, hours later.
    ///
    /// - Throws: for a file that is neither to be replaced nor to be written to.
    package func manner() throws(PlaceError) -> Manner {
        guard let existing else {
            try checkThatNamesCanGo()
            return .replacement
        }
        try checkFile(existing)
        if isMountPoint(existing) {
            try rules.check(writingTo: existing.status, in: directory.status)
            return .inPlace(reason: "is a mount point")
        }
        guard let error = refusalToReplace() else { return .replacement }
        guard existing.status.uid == geteuid() else { throw PlaceError(error, "another user's file") }
        try rules.check(writingTo: existing.status, in: directory.status)
        return .inPlace(reason: "cannot be replaced (\(error.message))")
    }

    /// A file that is write-protected is not replaced, although a rename could do it.
    package func checkFile(_ existing: HeldFile) throws(PlaceError) {
        if let flags = existing.status.flags {
            if flags.contains(.immutable) { throw PlaceError(.permission, "an immutable file") }
            if flags.contains(.appendOnly) { throw PlaceError(.permission, "an append-only file") }
        }
        if withName({ faccessat(directory.descriptor.number, $0, W_OK, AT_EACCESS) }) < 0 {
            throw PlaceError(Errno(errno))
        }
    }

    private func isMountPoint(_ file: HeldFile) -> Bool {
        if file.status.raw.stx_attributes_mask & UInt64(STATX_ATTR_MOUNT_ROOT) != 0 { return file.status.isMountRoot }
        // Before Linux 5.8.
        return Self.mountNumber(file) != Self.mountNumber(directory)
    }

    /// The line `mnt_id:` of what /proc says of an open file; nil without /proc.
    private static func mountNumber(_ file: HeldFile) -> ArraySlice<UInt8>? {
        let text = Kernel.contents(of: Array("/proc/self/fdinfo/\(file.descriptor.number)".utf8)) ?? []
        return text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: Array("mnt_id:".utf8)) }
    }

    /// Why a rename over the file would fail; nil: it would not.
    ///
    /// rmdir of what is no directory does nothing, and says so (ENOTDIR), after the very checks that a rename over it
    /// is going to make: permission, sticky bit, immutable, append-only, owners unknown in a user namespace
    /// (`may_delete` in the kernel's namei.c).
    private func refusalToReplace() -> Errno? {
        if withName({ unlinkat(directory.descriptor.number, $0, AT_REMOVEDIR) }) == 0 { return nil }
        let error = Errno(errno)
        return [.permission, .access].contains(error) ? error : nil
    }

    private func withName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (name.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    /// Opens what is there, and nothing that has taken its place, for writing: a pipe, a device, a file that is written
    /// in place. A pipe waits for its reader.
    ///
    /// - Throws: `EINTR`, for the caller to decide.
    package func open() throws(PlaceError) -> CInt {
        guard let existing else { preconditionFailure("only what is there is opened") }
        try rules.check(writingTo: existing.status, in: directory.status)
        let flags = O_WRONLY | O_NOCTTY | O_CLOEXEC
        var descriptor = clinux_openat(
            Kernel.workingDirectory, "/proc/self/fd/\(existing.descriptor.number)", flags)
        if descriptor == -ENOENT {
            // Without /proc: by its name, which may be another's meanwhile. That is seen below.
            descriptor = withName { clinux_openat(directory.descriptor.number, $0, flags | O_NOFOLLOW) }
        }
        if descriptor < 0 { throw PlaceError(Errno(-descriptor)) }
        var status = FileStatus()
        let result = clinux_fstat(descriptor, &status.raw)
        if result < 0 || status.identity != existing.status.identity || status.kind != existing.status.kind {
            close(descriptor)
            throw PlaceError(.stale, "it was swapped while it was opened")
        }
        return descriptor
    }

    // MARK: Databases

    /// Asks for what would fail when a database and its journal are written in place, or when its journal is removed at
    /// the end.
    ///
    /// - Precondition: there is a regular file, or nothing.
    package func checkForDatabase() throws(PlaceError) {
        try checkThatNamesCanGo()
        for suffix in ["-journal", "-wal", "-shm"] { try checkCompanion(suffix) }
        guard let existing else { return }
        try checkFile(existing)
        try rules.check(writingTo: existing.status, in: directory.status)
    }

    /// Makes an empty file.
    ///
    /// - Parameter mode: as it is to be, whatever the umask; nil: that of a new file, which is not for a group to write
    ///   to, as SQLite would not make it so.
    /// - Returns: nil if there is one.
    package func makeFile(_ mode: UInt32?) throws(PlaceError) -> DeviceInode? {
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let made = withName { clinux_openat_create(directory.descriptor.number, $0, flags, newMode & 0o644) }
        if made == -EEXIST { return nil }
        if made < 0 { throw PlaceError(Errno(-made)) }
        let file = FileDescriptor(owning: made)
        if let mode, fchmod(file.number, mode) < 0 { throw PlaceError(Errno(errno)) }
        var status = FileStatus()
        return try PlaceError.converting { () throws(Errno) in
            try Kernel.status(of: file.number, .basic, into: &status)
            return status.identity
        }
    }

    /// Of what is there. It is not opened for that: closing it would give up the locks that this process has on it.
    package func setMode(_ mode: UInt32) throws(PlaceError) {
        guard let existing else { return }
        if chmod("/proc/self/fd/\(existing.descriptor.number)", mode) < 0 { throw PlaceError(Errno(errno)) }
    }

    package func removeFile() { _ = withName { unlinkat(directory.descriptor.number, $0, 0) } }

    /// A name can be made in an append-only directory, and never be taken away again: neither that of a journal nor the
    /// temporary one of a new file.
    private func checkThatNamesCanGo() throws(PlaceError) {
        if directory.status.flags?.contains(.appendOnly) ?? false {
            throw PlaceError(.permission, "its directory is append-only")
        }
    }

    /// SQLite opens and plays back what is called as the journal of a database is, and follows a link there.
    private func checkCompanion(_ suffix: String) throws(PlaceError) {
        guard rules.areRoots, isOpenToOthers else { return }
        let companion: HeldFile
        do throws(Errno) {
            companion = try HeldFile(name + Array(suffix.utf8), in: directory.descriptor.number, O_NOFOLLOW)
        } catch {
            if error == .noSuchEntry { return }
            throw PlaceError(error)
        }
        do throws(PlaceError) {
            try rules.check(companion.status, in: directory.status)
            try rules.check(writingTo: companion.status, in: directory.status)
            if companion.status.kind != .file { throw PlaceError(.access, "is no regular file") }
        } catch {
            throw PlaceError(error.error, "its \(suffix.dropFirst()) file: \(error.reason ?? "")")
        }
    }
}
