import Glibc

extension Errno {
    /// `condition` of the result of a C library call that returns -1 and errno, or a result.
    @discardableResult
    package static func check<Result: SignedInteger>(_ result: Result) throws(Errno) -> Result {
        if result < 0 { throw Errno(errno) }
        return result
    }
}

/// Bytes with a trailing NUL, for the C library. They must not contain one: arguments cannot.
package func withCString<R>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
    (bytes + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
}
