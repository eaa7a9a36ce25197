import ScanEngine

/// For bash, with or without the package bash-completion.
enum BashCompletion {
    static func script(_ commands: [CommandSyntax]) -> String {
        let names = commands.map(\.name)
        return #"""
            # Completion of fsscan for bash, made by `fsscan --generate-completion-script bash`.

            # Words with commas between them: the last is completed.
            _fsscan_list() {
                local before=
                [[ $cur == *,* ]] && before=${cur%,*},
                mapfile -t COMPREPLY < <(compgen -P "$before" -W "$*" -- "${cur##*,}")
            }

            # A file, which readline itself completes, or FILE#LABEL.
            _fsscan_saved() {
                [[ $cur == *'#'* ]] || return
                local file=${cur%'#'*} label
                local path=${file/#'~/'/"$HOME/"}
                while read -r label; do
                    printf -v label %q "$label"
                    [[ $file#$label == "$cur"* ]] && COMPREPLY+=("$file#$label")
                done < <(\#(CompletionScript.labels(program: #""$program""#, file: #""$path""#)))
            }

            _fsscan() {
                local program=$1 command=scan cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} word start
                COMPREPLY=()
                # For readline, = is a word of its own.
                if [[ $cur == = ]]; then
                    cur=
                elif [[ $option == = ]]; then
                    option=${COMP_WORDS[COMP_CWORD - 2]}
                fi
                if ((COMP_CWORD > 1)); then
                    case ${COMP_WORDS[1]} in
                    \#(names.joined(separator: " | "))) command=${COMP_WORDS[1]} ;;
                    esac
                fi
                start=$cur
                for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
                    # Arguments after it are not options.
                    [[ $word == -- ]] && option= start=
                done
                case $command:$option in
            \#(commands.flatMap(values).joined(separator: "\n"))
                esac
                case $command:$start in
            \#(commands.map(flags).joined(separator: "\n"))
            \#(commands.map(argument).joined(separator: "\n"))
                esac
                if ((COMP_CWORD == 1)) && [[ $cur && $cur != -* ]]; then
                    mapfile -t COMPREPLY < <(compgen -W "\#(names.joined(separator: " "))" -- "$cur")
                    # A directory of nearly such a name.
                    ((${#COMPREPLY[@]} == 0)) || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur")
                fi
            }

            complete -o default -F _fsscan fsscan
            """# + "\n"
    }

    /// The values of an option.
    private static func values(_ command: CommandSyntax) -> [String] {
        command.options.filter { $0.value != nil }.map { option in
            let pattern = option.names.map { "\(command.name):\($0)" }.joined(separator: " | ")
            return "    \(pattern)) \(completion(of: option.value!)); return ;;"
        }
    }

    private static func flags(_ command: CommandSyntax) -> String {
        let names = command.options.flatMap(\.names).joined(separator: " ")
        return "    \(command.name):-*) mapfile -t COMPREPLY < <(compgen -W \"\(names)\" -- \"$cur\") ;;"
    }

    private static func argument(_ command: CommandSyntax) -> String {
        "    \(command.name):*) \(command.argument.map(completion) ?? "compopt +o default") ;;"
    }

    private static func completion(of value: ValueSyntax) -> String {
        switch value {
        case .word(let words):
            "mapfile -t COMPREPLY < <(compgen -W \"\(words.joined(separator: " "))\" -- \"$cur\")"
        case .list(let words): "_fsscan_list \(words.joined(separator: " "))"
        // Without a match here, readline completes a file name: it handles tildes, quotes and spaces.
        case .file: ":"
        case .saved: "_fsscan_saved"
        case .any: "compopt +o default"
        }
    }
}
