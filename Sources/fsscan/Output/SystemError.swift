import Glibc

/// A system call that failed.
struct SystemError: Error, Equatable {
    var code: CInt
    /// What it was for, or what is wrong, where the code alone does not say it.
    var reason: String?

    init(_ code: CInt, _ reason: String? = nil) {
        self.code = code
        self.reason = reason
    }

    /// In the C library's words: `No such file or directory`.
    var message: String {
        let words = String(cString: strerror(code))
        return reason.map { "\($0): \(words)" } ?? words
    }
}

/// `condition` of the result of a system call that gives -1 and errno, or a result.
@discardableResult
func check<Result: SignedInteger>(_ result: Result) throws(SystemError) -> Result {
    if result < 0 { throw SystemError(errno) }
    return result
}

/// Bytes with a NUL behind them, for the C library. They must not contain one: arguments cannot.
func withCString<R>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
    (bytes + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
}
