package import LinuxKernel

/// Why the content of a file is not known: an error record, never the end of the scan.
package enum ContentFailure: OpeningFailure, Equatable, Sendable {
    /// A system call failed: its name in the error record, and the errno.
    case call(String, Errno)
    /// Bytes, size, times or inode changed while the file was read: operation `read`, code `CHANGED`.
    case changed
    /// libmagic failed on the file: its own sentence, and the errno if it has one.
    case type(message: String, error: Errno?)
    /// The libmagic helper crashed on this file, or did not finish.
    case helper(message: String, error: Errno)

    package var isShortOfDescriptors: Bool {
        switch self {
        case .call(_, let error): error.isShortOfDescriptors
        case .changed, .type, .helper: false
        }
    }

    /// Another process has a lease on the file (`F_SETLEASE`): it can be opened when the holder releases it, or the
    /// kernel breaks it.
    var isLeased: Bool { self == .call("openat", .wouldBlock) }

    /// Nothing was opened: the file has disappeared, or another has its name.
    var isOfOpening: Bool {
        if case .call("openat", _) = self { true } else { false }
    }

    /// A sentence for people.
    package var message: String { cause.message }

    /// The contents of the error record.
    package var cause: ErrorCause {
        switch self {
        case .call(let operation, let error):
            ErrorCause(operation: operation, code: error.name, message: error.message)
        case .changed: ErrorCause(operation: "read", code: "CHANGED", message: "File changed while it was read")
        case .type(let message, let error):
            ErrorCause(operation: "magic_descriptor", code: (error ?? .invalid).name, message: message)
        case .helper(let message, let error): ErrorCause(operation: "magic", code: error.name, message: message)
        }
    }
}
