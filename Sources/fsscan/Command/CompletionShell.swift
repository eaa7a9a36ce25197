/// A shell with a completion script.
enum CompletionShell: String, CaseIterable {
    case bash, zsh, fish

    private static let option = "--generate-completion-script"

    /// Nil if no script is requested. Checked before the parser, which would print its own script: that one offers the
    /// scan's options after `diff`, and lacks values of options.
    static func asked(_ arguments: [CarriedArgument]) throws(UsageError) -> CompletionShell? {
        let options = arguments.prefix { $0.carried != "--" }
        guard let index = options.firstIndex(where: { $0.carried == option || $0.carried.hasPrefix(option + "=") })
        else { return nil }
        let known = allCases.map(\.rawValue).joined(separator: " ")
        let joined = options[index].carried.dropFirst(option.count)
        let name = joined.isEmpty ? arguments.dropFirst(index + 1).first?.carried : String(joined.dropFirst())
        guard let name else { throw UsageError("missing value for '\(option) <SHELL>': one of \(known)") }
        guard let shell = CompletionShell(rawValue: name) else {
            throw UsageError(option, CarriedArgument(carried: name), "is not one of \(known)")
        }
        return shell
    }
}
