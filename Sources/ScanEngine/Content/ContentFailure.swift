package import LinuxKernel

/// Why the content of a file is not known: an error record, never the end of the scan.
package enum ContentFailure: OpeningFailure, Equatable, Sendable {
    /// A system call failed: its name, as the record of the error gives it, and why.
    case call(String, Errno)
    /// Bytes, size, times or inode moved while the file was read: operation `read`, code `CHANGED`.
    case changed
    /// libmagic could not say what the file is; its own sentence, and the errno where it has one.
    case type(message: String, error: Errno?)
    /// The helper that asks libmagic died of this file, or did not come to an end with it.
    case helper(message: String, error: Errno)

    package var isShortOfDescriptors: Bool {
        switch self {
        case .call(_, let error): error.isShortOfDescriptors
        case .changed, .type, .helper: false
        }
    }

    /// Somebody has a lease on the file (`F_SETLEASE`): it can be opened when he gives it up, or when the kernel takes it.
    var isLeased: Bool { self == .call("openat", .wouldBlock) }

    /// Nothing was opened: what had the name is gone, or something else has it.
    var isOfOpening: Bool {
        if case .call("openat", _) = self { true } else { false }
    }

    /// A sentence for people.
    package var message: String { cause.message }

    /// What the record of the error says.
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
