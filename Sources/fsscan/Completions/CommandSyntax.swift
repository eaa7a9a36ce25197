internal import ArgumentParser
internal import FoundationEssentials
import ScanEngine

/// The syntax of a command, from the parser itself: an option that is added there appears in the completions.
struct CommandSyntax {
    let name: String
    let summary: String
    let options: [OptionSyntax]
    /// The kind of the arguments that are not options; nil: there are none.
    let argument: ValueSyntax?

    static let all = Command.all.map { CommandSyntax($0) }

    private init(_ command: Command) {
        name = command.name
        summary = command.summary
        let described = Self.description(of: command.type).arguments ?? []
        let options = described.filter { $0.kind != "positional" }.map { OptionSyntax($0) }
        let names = Set(options.flatMap(\.names))
        self.options = options.map { option in
            // The parser describes both halves of a pair in the same way.
            guard let name = option.names.last, name.hasPrefix("--no-"), names.contains("--\(name.dropFirst(5))")
            else { return option }
            var option = option
            option.summary = "Do not \(option.summary.prefix(1).lowercased())\(option.summary.dropFirst())"
            return option
        }
        let positional = described.first { $0.kind == "positional" }
        argument = positional.map { $0.valueName == "COMMAND" ? .word(Command.all.map(\.name)) : ValueSyntax($0) }
    }

    private static func description(of type: any ParsableCommand.Type) -> Description.Command {
        let text: String
        do {
            _ = try type.parse(["--experimental-dump-help"])
            preconditionFailure("the parser does not describe its commands")
        } catch {
            text = type.message(for: error)
        }
        do {
            return try JSONDecoder().decode(Description.self, from: Data(text.utf8)).command
        } catch {
            preconditionFailure("the parser's description of a command has another form: \(error)")
        }
    }
}

/// An option of a command.
struct OptionSyntax {
    /// With their dashes, short ones first.
    let names: [String]
    /// Without values, defaults and explanations.
    fileprivate(set) var summary: String
    let isRepeating: Bool
    /// Nil for a flag.
    let value: ValueSyntax?
    let valueName: String

    fileprivate init(_ argument: Description.Argument) {
        names = (argument.names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name }.sorted { $0.count < $1.count }
        summary = Self.shortened(argument.abstract ?? "")
        isRepeating = argument.isRepeating
        value = argument.kind == "flag" ? nil : ValueSyntax(argument)
        valueName = argument.valueName.map { String($0.prefix { $0 != "[" }) } ?? ""
    }

    /// A menu line: cut where the explanation begins.
    private static func shortened(_ help: String) -> String {
        let ends = [": ", "; ", ". ", " ("].compactMap { help.firstRange(of: $0)?.lowerBound }
        let text = help[..<(ends.min() ?? help.endIndex)]
        return String(text.last == "." ? text.dropLast() : text)
    }
}

/// The kind of an option's value, or of an argument.
enum ValueSyntax {
    case word([String])
    /// Words separated by commas.
    case list([String])
    case file
    /// A file, or FILE#LABEL.
    case saved
    /// A number, a pattern: no completion.
    case any

    /// The name of the value gives kinds that the parser does not have.
    fileprivate init(_ argument: Description.Argument) {
        let words = argument.completionKind?.list?.values
        switch argument.valueName ?? "" {
        case "SAVED": self = .saved
        case let name where name.contains("[,"): self = .list(words ?? [])
        default:
            if let words {
                self = .word(words)
            } else {
                self = argument.completionKind?.file == nil ? .any : .file
            }
        }
    }
}

/// The output of `--experimental-dump-help`: ArgumentParserToolInfo's `ToolInfoV0`, which that package does not export
/// as a product.
private struct Description: Decodable {
    var command: Command

    struct Command: Decodable { var arguments: [Argument]? }

    struct Argument: Decodable {
        var kind: String
        var names: [Name]?
        var valueName: String?
        var abstract: String?
        var isRepeating: Bool
        var completionKind: Completion?
    }

    struct Name: Decodable {
        var kind: String
        var name: String
    }

    struct Completion: Decodable {
        var list: List?
        var file: File?
    }

    struct List: Decodable { var values: [String] }

    struct File: Decodable {}
}
