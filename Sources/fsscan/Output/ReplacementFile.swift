import CLinux
import Glibc
import LinuxKernel
import ScanEngine

/// A file that replaces another one, or is new, once it is complete and on disk.
///
/// The bytes go into an unnamed file in the target's directory (O_TMPFILE): it cannot be left behind, and does not
/// appear in a scan of that very directory. Only `commit()` gives it a name, and renames it at once. If the file system
/// has no unnamed files (NFS, older overlayfs), a hidden name is tried at once and used from the first write on, which
/// comes after the scan if the report is written at the end; a second stop signal removes it.
final class ReplacementFile {
    private let place: OutputPlace
    /// The requested mode; nil: that of the replaced file, or a new file's.
    private let finalMode: UInt32?
    /// -1 while there is no file yet.
    private var file: CInt = -1
    /// With a NUL at its end, at a stable address; nil while the file has no name.
    private var temporaryName: UnsafeMutableBufferPointer<CChar>?

    private var directory: CInt { place.directory.descriptor.number }

    /// Fails if `commit()` would: not permitted, read-only.
    init(_ place: OutputPlace, mode: UInt32? = nil, allowsUnnamed: Bool = true) throws(Errno) {
        self.place = place
        finalMode = mode
        if place.name.count > Int(NAME_MAX) { throw Errno(ENAMETOOLONG) }
        if allowsUnnamed, try openUnnamed() { return }
        try openNamed()
        removeName()
        close(file)
        file = -1
    }

    deinit {
        removeName()
        if file >= 0 { close(file) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        if file < 0 { try openNamed() }
        try StandardStreams.write(bytes, to: file)
    }

    /// Makes the file durable and puts it under its name.
    func commit() throws(Errno) {
        if file < 0 { try openNamed() }
        if place.keepsModeAndOwner, let existing = place.existing?.status {
            // Best effort: only root can give files away, and only the owner's groups are available to the owner.
            _ = fchown(file, existing.uid, existing.gid)
            try Errno.check(fchmod(file, finalMode ?? existing.mode & 0o777))
        } else if let finalMode {
            try Errno.check(fchmod(file, finalMode))
        }
        // EINVAL: the file system does not support it.
        if fsync(file) < 0 && errno != EINVAL { throw Errno(errno) }
        if temporaryName == nil { try linkUnnamed() }
        let renamed = withCString(place.name) { renameat(directory, temporaryName!.baseAddress!, directory, $0) }
        if renamed < 0 { throw Errno(errno) }
        forgetName()
        let descriptor = file
        file = -1
        if close(descriptor) < 0 && errno != EINTR { throw Errno(errno) }
    }

    // MARK: Unnamed

    /// False if the file system, or a system without /proc, does not support it.
    private func openUnnamed() throws(Errno) -> Bool {
        let descriptor = clinux_open_unnamed(directory, mode)
        if descriptor < 0 {
            // EISDIR and ENOENT: kernels that treat it as an attempt to open the directory.
            if [EOPNOTSUPP, EISDIR, EINVAL, ENOENT].contains(-descriptor) { return false }
            throw Errno(-descriptor)
        }
        if access("/proc/self/fd/\(descriptor)", F_OK) < 0 {
            close(descriptor)
            return false
        }
        file = descriptor
        return true
    }

    /// linkat with AT_EMPTY_PATH needs a capability on older kernels; the link in /proc needs none.
    private func linkUnnamed() throws(Errno) {
        try withNewName { name in
            linkat(AT_FDCWD, "/proc/self/fd/\(file)", directory, name, AT_SYMLINK_FOLLOW)
        }
    }

    // MARK: Named

    private func openNamed() throws(Errno) {
        file = try withNewName { name in
            let result = clinux_openat_create(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
            if result < 0 { errno = -result }
            return result
        }
    }

    /// The umask and a default ACL apply to a new file. A file that replaces another gets its mode at the end, and is
    /// private until then.
    private var mode: UInt32 { place.keepsModeAndOwner || finalMode != nil ? 0o600 : place.newMode }

    /// Calls `body` with random names until it does not fail with EEXIST, and keeps the name.
    @discardableResult
    private func withNewName(_ body: (UnsafePointer<CChar>) -> CInt) throws(Errno) -> CInt {
        while true {
            let digits = String(UInt64.random(in: 0 ... .max), radix: 36)
            let characters = Array(".fsscan-\(digits)".utf8CString)
            let name = UnsafeMutableBufferPointer<CChar>.allocate(capacity: characters.count)
            _ = name.initialize(from: characters)
            let result = body(name.baseAddress!)
            if result >= 0 {
                temporaryName = name
                clinux_remove_when_stopped(directory, name.baseAddress!)
                return result
            }
            let code = errno
            name.deallocate()
            if code != EEXIST { throw Errno(code) }
        }
    }

    private func removeName() {
        if let temporaryName { unlinkat(directory, temporaryName.baseAddress!, 0) }
        forgetName()
    }

    private func forgetName() {
        guard let name = temporaryName else { return }
        clinux_remove_when_stopped(-1, nil)
        // Not freed: a signal handler on another thread may be between reading the directory and using the name.
        _ = name
        temporaryName = nil
    }
}
