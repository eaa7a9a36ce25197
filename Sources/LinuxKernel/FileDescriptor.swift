import CLinux

/// An open file, closed when it goes out of scope.
package struct FileDescriptor: ~Copyable, Sendable {
    package let number: Int32

    package init(owning number: Int32) {
        precondition(number >= 0, "a file descriptor is not negative")
        self.number = number
    }

    /// Errors of `close` are irrelevant for files that were only read.
    deinit { close(number) }

    /// Gives the descriptor to the caller, who must close it.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}
