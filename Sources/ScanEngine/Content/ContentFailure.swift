/// Why the content of a file is not known: an error record, never the end of the scan.
package enum ContentFailure: Error, Equatable, Sendable {
    /// A system call failed.
    case call(CallFailure)
    /// Bytes, size, times or inode moved while the file was read: operation `read`, code `CHANGED`.
    case changed
    /// libmagic could not say what the file is; its own sentence, and an errno value where it gave one (else 0).
    case type(message: String, code: Int32)
}
