import ScanEngine

/// For zsh: a function for `compinit`, in a file `_fsscan` of `$fpath`.
enum ZshCompletion {
    static func script(_ commands: [CommandSyntax]) -> String {
        let names = commands.map(\.name).joined(separator: "|")
        let list = commands.map { quoted("\($0.name):\(escaped($0.summary))") }.joined(separator: "\n        ")
        return #"""
            #compdef fsscan
            # Completion of fsscan for zsh, made by `fsscan --generate-completion-script zsh`.

            _fsscan() {
                local program=${(Q)words[1]} first=$((CURRENT == 2))
                local -a commands
                commands=(
                    \#(list)
                )
                if ((CURRENT > 2)) && [[ $words[2] == (\#(names)) ]]; then
                    shift words
                    ((CURRENT--))
                    _fsscan-$words[1]
                else
                    _fsscan-scan
                fi
            }

            _fsscan_commands() { _describe -t commands command commands }

            # The first argument may be a command.
            _fsscan_paths() {
                if ((first)); then
                    _alternative 'commands:command:_fsscan_commands' 'files:PATH:_files'
                else
                    _files
                fi
            }

            # A file, or FILE#LABEL.
            _fsscan_saved() {
                local file=${(Q)PREFIX%'#'*}
                if compset -P '*[#]'; then
                    local -a labels
                    labels=(${(f)"$(\#(CompletionScript.labels(program: "$program", file: #"${~file}"#)))"})
                    local expl
                    _wanted labels expl 'saved scan' compadd -a labels
                else
                    _files
                fi
            }

            \#(commands.map(function).joined(separator: "\n\n"))

            if [[ $funcstack[1] == _fsscan ]]; then
                _fsscan "$@"
            else
                compdef _fsscan fsscan
            fi
            """# + "\n"
    }

    private static func function(_ command: CommandSyntax) -> String {
        var lines = command.options.map(option)
        if let argument = command.argument {
            switch argument {
            case .word: lines.append("'1:COMMAND:_fsscan_commands'")
            case .file where command.name == "scan": lines.append("'*:PATH:_fsscan_paths'")
            default: lines.append(quoted("*:file:\(action(argument, "file"))"))
            }
        }
        return "_fsscan-\(command.name)() {\n    _arguments -s -S \\\n        "
            + lines.joined(separator: " \\\n        ") + "\n}"
    }

    /// `'(-o --output)'{-o+,--output=}'[…]:FILE:_files'`
    private static func option(_ option: OptionSyntax) -> String {
        let names = option.names.map { name in
            option.value == nil ? name : name.hasPrefix("--") ? name + "=" : name + "+"
        }
        var text = quoted(option.isRepeating ? "*" : names.count > 1 ? "(\(option.names.joined(separator: " ")))" : "")
        text += names.count > 1 ? "{\(names.joined(separator: ","))}" : names[0]
        let value = option.value.map { ":\(option.valueName):\(action($0, option.valueName))" } ?? ""
        return text + quoted("[\(escaped(option.summary))]\(value)")
    }

    private static func action(_ value: ValueSyntax, _ name: String) -> String {
        switch value {
        case .word(let words): "(\(words.joined(separator: " ")))"
        case .list(let words): "_values -s , \(name) \(words.joined(separator: " "))"
        case .file: "_files"
        case .saved: "_fsscan_saved"
        case .any: " "
        }
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("[", with: "\\[").replacing("]", with: "\\]")
            .replacing(":", with: "\\:")
    }

    private static func quoted(_ text: String) -> String {
        text.isEmpty ? "" : "'\(text.replacing("'", with: #"'\''"#))'"
    }
}
