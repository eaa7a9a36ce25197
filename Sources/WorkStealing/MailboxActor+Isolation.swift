// `Actor` and `SerialExecutor` both have these, and a mailbox actor is both: without a third the compiler could not choose.
// (`assumeIsolated` is `Actor`'s alone.)

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
