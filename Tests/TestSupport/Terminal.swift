import Glibc

/// A real terminal: tmux, with a shell in it. Screens are text as a person sees them.
package final class Terminal {
    private let directory: TemporaryDirectory
    private var socket: ByteString { directory.appending("socket") }

    package init(columns: Int = 100, rows: Int = 24, environment: [String: String] = [:]) throws {
        directory = try TemporaryDirectory()
        var variables = [
            "LC_ALL": "C.UTF-8", "PS1": "$ ", "SWIFT_BACKTRACE": "enable=no",
            "F": String(decoding: Fsscan.path.bytes, as: UTF8.self),
        ]
        variables.merge(environment) { $1 }
        let set = variables.sorted { $0.key < $1.key }.map { ByteString("\($0.key)=\($0.value)") }
        // `swift test` sets NO_COLOR where its own output is not a terminal.
        let environ: [ByteString] = ["env", "-u", "NO_COLOR"] + set
        try tmux(
            ["new-session", "-d", "-x", "\(columns)", "-y", "\(rows)"] + environ + ["bash", "--norc", "--noprofile"])
        try waitFor { $0.hasPrefix("$") }
    }

    deinit { _ = try? run(["tmux", "-S", socket, "kill-server"]) }

    @discardableResult
    private func tmux(_ arguments: [ByteString]) throws -> String {
        let outcome = try run(["tmux", "-f", "/dev/null", "-S", socket] + arguments) {
            // The test itself may run in tmux.
            $0.environment["TMUX"] = .some(nil)
        }
        guard outcome.status == 0 else { throw Failure("tmux: \(outcome.errorText)") }
        return outcome.outputText
    }

    private func run(
        _ arguments: [ByteString], _ change: (inout ProcessOptions) -> Void = { _ in }
    ) throws
        -> ProcessOutcome
    {
        try TestSupport.run(arguments, ProcessOptions(change))
    }

    /// Presses keys, by tmux's names (`Down`, `Enter`, `C-c`) or literally.
    package func press(_ keys: ByteString...) throws { try tmux(["send-keys", "--"] + keys) }

    /// Types a command line and Enter.
    package func type(_ line: ByteString) throws {
        try tmux(["send-keys", "-l", "--", line])
        try press("Enter")
    }

    package func resize(columns: Int, rows: Int) throws {
        try tmux(["resize-window", "-x", "\(columns)", "-y", "\(rows)"])
    }

    /// Its current contents.
    package func screen() throws -> String { try tmux(["capture-pane", "-p"]) }

    /// The same with the escape sequences that tmux would draw it with.
    package func colours() throws -> String { try tmux(["capture-pane", "-e", "-p"]) }

    /// Whether a program has taken over the terminal (the alternate screen).
    package func isTakenOver() throws -> Bool {
        try tmux(["display-message", "-p", "#{alternate_on}"]).hasPrefix("1")
    }

    /// Waits until the screen satisfies the condition.
    @discardableResult
    package func waitFor(_ isRight: (String) throws -> Bool) throws -> String {
        var screen = ""
        for _ in 0..<(isSanitized ? 3000 : 1200) {
            screen = try self.screen()
            if try isRight(screen) { return screen }
            usleep(50_000)
        }
        throw Failure("the screen did not become what it should be:\n\(screen)")
    }

    @discardableResult
    package func waitFor(_ text: String) throws -> String { try waitFor { $0.contains(text) } }
}
