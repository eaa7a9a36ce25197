/// A shell that there is a completion script for.
enum CompletionShell: String, CaseIterable {
    case bash, zsh, fish

    private static let option = "--generate-completion-script"

    /// Nil where no script is asked for. Looked for in front of the parser, which would print one of its own: in those,
    /// options of a scan are offered behind `diff`, and values of options are missing.
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
