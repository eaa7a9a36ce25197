import ScanEngine

/// For fish, 3.1 and later.
enum FishCompletion {
    static func script(_ commands: [CommandSyntax]) -> String {
        let names = commands.map(\.name).joined(separator: " ")
        return #"""
            # Completion of fsscan for fish, made by `fsscan --generate-completion-script fish`.

            # Whether the command is one of these.
            function __fsscan_in
                set -l words (commandline -opc)
                set -l command scan
                if contains -- "$words[2]" \#(names)
                    set command $words[2]
                end
                contains -- $command $argv
            end

            function __fsscan_first
                test (count (commandline -opc)) -eq 1
            end

            # The word to complete, without the option before it.
            function __fsscan_given
                string replace -r -- '^--[^=]*=' '' (commandline -ct)
            end

            # Words with commas between them: the last is completed.
            function __fsscan_list
                set -l before (string match -r -- '^.*,' (__fsscan_given))
                printf '%s\n' "$before"$argv
            end

            # A file, or FILE#LABEL.
            function __fsscan_saved
                set -l given (__fsscan_given)
                set -l file (string match -r -- '^(.*)#' $given)[2]
                if test -z "$file"
                    __fish_complete_path $given
                    return
                end
                set -l program (commandline -opc)[1]
                set -l path (string replace -r -- '^~/' "$HOME/" $file)
                for label in (\#(CompletionScript.labels(program: "$program", file: "$path")))
                    echo "$file#$label"
                end
            end

            \#(commands.map(first).joined(separator: "\n"))
            \#(commands.flatMap(lines).joined(separator: "\n"))
            """# + "\n"
    }

    private static func first(_ command: CommandSyntax) -> String {
        "complete -c fsscan -n __fsscan_first -a \(command.name) -d \(quoted(command.summary))"
    }

    private static func lines(_ command: CommandSyntax) -> [String] {
        let begin = "complete -c fsscan -n '__fsscan_in \(command.name)'"
        let options = command.options.map { option in
            let names = option.names.map { $0.hasPrefix("--") ? "-l \($0.dropFirst(2))" : "-s \($0.dropFirst())" }
            let value = option.value.map { " \(arguments($0))" } ?? ""
            return "\(begin) \(names.joined(separator: " "))\(value) -d \(quoted(option.summary))"
        }
        // File names are offered by default.
        if case .file = command.argument { return options }
        return options + ["\(begin) \(command.argument.map(arguments) ?? "-f")"]
    }

    private static func arguments(_ value: ValueSyntax) -> String {
        switch value {
        case .word(let words): "-x -a \(quoted(words.joined(separator: " ")))"
        case .list(let words): "-x -a \(quoted("(__fsscan_list \(words.joined(separator: " ")))"))"
        case .file: "-r -F"
        case .saved: "-x -a '(__fsscan_saved)'"
        case .any: "-x"
        }
    }

    private static func quoted(_ text: String) -> String {
        "'\(text.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
    }
}
