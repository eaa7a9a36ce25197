/// A script that a shell reads to complete command lines of `fsscan`.
///
/// The parser's own generators produce scripts that do not work: zsh complains about a doubled rest argument at each
/// TAB, bash offers the options of a scan after `diff`, comma-separated values are not supported, and fish shows all
/// values of an option as its description. (Read and tried in swift-argument-parser 1.8.2.)
struct CompletionScript {
    let text: String

    init(_ shell: CompletionShell) {
        let commands = CommandSyntax.all
        text =
            switch shell {
            case .bash: BashCompletion.script(commands)
            case .zsh: ZshCompletion.script(commands)
            case .fish: FishCompletion.script(commands)
            }
    }

    /// Shell code that prints the labels and numbers of the scans in a file, one per line. Labels with characters that
    /// JSON escapes are omitted.
    static func labels(program: String, file: String) -> String {
        #"\#(program) saved --json -- \#(file) 2>/dev/null | sed -nE 's/^ *"(id|label)": "?([^"\\]+)"?,$/\2/p'"#
    }
}
