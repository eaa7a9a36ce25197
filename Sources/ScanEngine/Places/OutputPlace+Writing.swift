import CLinux
import Glibc
package import LinuxKernel

extension OutputPlace {
    /// How an existing or new regular file gets its new content.
    package enum Manner: Equatable, Sendable {
        /// A new file replaces it.
        case replacement
        /// It is written in place, because it cannot be replaced.
        case inPlace(reason: String)
    }

    /// Checks for failures that would otherwise appear when the report is complete, hours later.
    ///
    /// - Throws: for a file that can be neither replaced nor written to.
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

    /// A write-protected file is not replaced, although a rename could do it.
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

    /// The line `mnt_id:` of an open file's /proc entry; nil without /proc.
    private static func mountNumber(_ file: HeldFile) -> ArraySlice<UInt8>? {
        let text = Kernel.contents(of: Array("/proc/self/fdinfo/\(file.descriptor.number)".utf8)) ?? []
        return text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: Array("mnt_id:".utf8)) }
    }

    /// Why a rename over the file would fail; nil if it would not.
    ///
    /// rmdir of something other than a directory does nothing and returns ENOTDIR, but only after the same checks that
    /// a rename over it makes: permission, sticky bit, immutable, append-only, owners unknown in a user namespace
    /// (`may_delete` in the kernel's namei.c).
    private func refusalToReplace() -> Errno? {
        if withName({ unlinkat(directory.descriptor.number, $0, AT_REMOVEDIR) }) == 0 { return nil }
        let error = Errno(errno)
        return [.permission, .access].contains(error) ? error : nil
    }

    private func withName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (name.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    /// Opens the existing file for writing, and nothing that has taken its place: a pipe, a device, a file that is
    /// written in place. A pipe waits for its reader.
    ///
    /// - Throws: `EINTR`, for the caller to decide.
    package func open() throws(PlaceError) -> CInt {
        guard let existing else { preconditionFailure("a missing output was opened as an existing one") }
        try rules.check(writingTo: existing.status, in: directory.status)
        let flags = O_WRONLY | O_NOCTTY | O_CLOEXEC
        var descriptor = clinux_openat(
            Kernel.workingDirectory, "/proc/self/fd/\(existing.descriptor.number)", flags)
        if descriptor == -ENOENT {
            // Without /proc: by its name, which may belong to another file meanwhile. That is detected below.
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

    /// Checks for failures when a database and its journal are written in place, or its journal is removed at the end.
    ///
    /// - Precondition: there is a regular file, or nothing.
    package func checkForDatabase() throws(PlaceError) {
        try checkThatNamesCanGo()
        for suffix in ["-journal", "-wal", "-shm"] { try checkCompanion(suffix) }
        guard let existing else { return }
        try checkFile(existing)
        try rules.check(writingTo: existing.status, in: directory.status)
    }

    /// Creates an empty file.
    ///
    /// - Parameter mode: the final mode, whatever the umask; nil: that of a new file, not group-writable, as SQLite
    ///   would create it.
    /// - Returns: nil if the file exists.
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

    /// For the existing file. It is not opened for that: closing it would release the locks that this process has on
    /// it.
    package func setMode(_ mode: UInt32) throws(PlaceError) {
        guard let existing else { return }
        if chmod("/proc/self/fd/\(existing.descriptor.number)", mode) < 0 { throw PlaceError(Errno(errno)) }
    }

    package func removeFile() { _ = withName { unlinkat(directory.descriptor.number, $0, 0) } }

    /// In an append-only directory a name can be created but never removed: neither that of a journal nor the temporary
    /// name of a new file.
    private func checkThatNamesCanGo() throws(PlaceError) {
        if directory.status.flags?.contains(.appendOnly) ?? false {
            throw PlaceError(.permission, "its directory is append-only")
        }
    }

    /// SQLite opens and plays back any file with the name of the database's journal, and follows a link there.
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
