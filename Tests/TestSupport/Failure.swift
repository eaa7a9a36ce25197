import Glibc

/// A failed system call of the tests themselves, not of the code under test.
package struct Failure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }

    /// The current `errno`, with the operation and its object.
    package init(errnoOf operation: String, _ object: ByteString) {
        let code = errno
        description = "\(operation) \(object.text.prefix(200)): \(String(cString: strerror(code)))"
    }
}

/// The result of a system call that must not fail; repeats it when a signal interrupted it.
@discardableResult
package func check<R: SignedInteger>(_ operation: String, _ object: ByteString, _ call: () -> R) throws -> R {
    while true {
        let result = call()
        if result >= 0 { return result }
        if errno != EINTR { throw Failure(errnoOf: operation, object) }
    }
}
