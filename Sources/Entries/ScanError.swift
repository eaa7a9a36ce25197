/// Something that could not be read.
public struct ScanError: Equatable, Sendable {
    /// As `find PATH` would print it.
    public var path: [UInt8]
    /// The system call that failed: `openat`, `getdents64`, `statx`, `read`…
    public var operation: String
    /// `EACCES`, …, or `CHANGED` for a file that changed while it was read.
    public var code: String
    /// A sentence for people: `Permission denied`.
    public var message: String

    public init(path: [UInt8], operation: String, code: String, message: String) {
        self.path = path
        self.operation = operation
        self.code = code
        self.message = message
    }
}
