import CLinux

/// Why a system call failed: an `errno` value.
package struct Errno: OpeningFailure, Equatable, Sendable {
    package let rawValue: Int32

    package init(_ rawValue: Int32) { self.rawValue = rawValue }

    package static let permission = Errno(EPERM)
    package static let access = Errno(EACCES)
    package static let isDirectory = Errno(EISDIR)
    package static let notDirectory = Errno(ENOTDIR)
    package static let noSuchEntry = Errno(ENOENT)
    package static let interrupted = Errno(EINTR)
    package static let isLoop = Errno(ELOOP)
    package static let tooManyOpenFiles = Errno(EMFILE)
    package static let tooManyOpenFilesInSystem = Errno(ENFILE)
    package static let stale = Errno(ESTALE)
    package static let nameTooLong = Errno(ENAMETOOLONG)
    package static let noSystemCall = Errno(ENOSYS)
    package static let invalid = Errno(EINVAL)
    package static let wouldBlock = Errno(EAGAIN)

    /// All descriptors are in use: a later attempt may succeed.
    package var isShortOfDescriptors: Bool { self == .tooManyOpenFiles || self == .tooManyOpenFilesInSystem }

    /// The name in C: `EACCES`. `E<number>` if the C library has no name for the number.
    package var name: String {
        guard let name = clinux_errno_name(rawValue) else { return "E\(rawValue)" }
        return String(cString: name)
    }

    /// The C library's sentence, untranslated: `Permission denied`.
    package var message: String {
        guard let text = clinux_errno_description(rawValue) else { return "Unknown error \(rawValue)" }
        return String(cString: text)
    }
}

/// Why something could not be opened.
package protocol OpeningFailure: Error {
    /// All descriptors are in use: a later attempt may succeed.
    var isShortOfDescriptors: Bool { get }
}
