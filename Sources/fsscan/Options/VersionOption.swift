internal import ArgumentParser

/// This program.
enum Program {
    static let version = "0.1.0"
}

/// `-V`, for all commands. The parser's own has no short name.
struct VersionOption: ParsableArguments {
    @Flag(name: [.customShort("V"), .customLong("version")], help: "Show the version.")
    var isAsked = false

    func validate() throws {
        if isAsked { throw CleanExit.message(Program.version) }
    }
}
