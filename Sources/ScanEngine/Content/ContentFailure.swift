/// Why the content of a file is not known: an error record, never the end of the scan.
package enum ContentFailure: Error, Equatable, Sendable {
    /// A system call failed: its name, as the record of the error gives it, and why.
    case call(String, Errno)
    /// Bytes, size, times or inode moved while the file was read: operation `read`, code `CHANGED`.
    case changed
    /// libmagic could not say what the file is; its own sentence, and the errno where it has one.
    case type(message: String, error: Errno?)
}
