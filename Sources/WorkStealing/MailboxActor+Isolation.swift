// `Actor` and `SerialExecutor` both declare these functions, and a mailbox actor conforms to both: a third declaration
// resolves the ambiguity. (Only `Actor` has `assumeIsolated`.)

extension MailboxActor {
    /// Traps unless a worker is in this actor, in its turn.
    public nonisolated func preconditionIsolated(
        _ message: @autoclosure () -> String = "not in this actor", file: StaticString = #fileID, line: UInt = #line
    ) {
        require(isIsolatingCurrentContext() == true, message(), file: file, line: line)
    }

    /// The same, in debug builds.
    public nonisolated func assertIsolated(
        _ message: @autoclosure () -> String = "not in this actor", file: StaticString = #fileID, line: UInt = #line
    ) {
        assert(isIsolatingCurrentContext() == true, message(), file: file, line: line)
    }
}
