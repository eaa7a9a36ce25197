/// Why the content of a file is not known: an error record, never the end of the scan.
package enum ContentFailure: Error, Equatable, Sendable {
    /// A system call failed: its name, as the record of the error gives it, and why.
    case call(String, Errno)
    /// Bytes, size, times or inode moved while the file was read: operation `read`, code `CHANGED`.
    case changed
    /// libmagic could not say what the file is; its own sentence, and the errno where it has one.
    case type(message: String, error: Errno?)

    /// All descriptors are in use: it may succeed later.
    var isShortOfDescriptors: Bool {
        switch self {
        case .call(_, let error): error.isShortOfDescriptors
        case .changed, .type: false
        }
    }

    /// A sentence for people.
    package var message: String {
        switch self {
        case .call(_, let error): error.message
        case .changed: "File changed while it was read"
        case .type(let message, _): message
        }
    }

    /// The record of the error.
    func record(at path: [UInt8]) -> ScanError {
        switch self {
        case .call(let operation, let error):
            ScanError(path: path, operation: operation, code: error.name, message: message)
        case .changed:
            ScanError(path: path, operation: "read", code: "CHANGED", message: message)
        case .type(_, let error):
            ScanError(path: path, operation: "magic_descriptor", code: (error ?? .invalid).name, message: message)
        }
    }
}
