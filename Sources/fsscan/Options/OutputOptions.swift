internal import ArgumentParser

/// `-o` and `--mode`, of commands that write one file.
struct OutputOptions: ParsableArguments {
    @Option(
        name: [.customShort("o", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Write to FILE, completely or not at all; - is standard output.", valueName: "FILE"),
        completion: .file())
    var output: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Mode of FILE, in octal. (default: as for scans)", valueName: "MODE"))
    var mode: CarriedArgument?
}

extension OutputOptions {
    /// Nil: standard output.
    var path: [UInt8]? { output?.outputPath }

    /// - Parameter other: the file that is written if it is not that of `-o`.
    func permissions(of other: CarriedArgument? = nil) throws(UsageError) -> UInt32? {
        try ScanSettings.mode(mode, of: other ?? output)
    }
}

extension CarriedArgument {
    /// Nil for `-`, which is standard output.
    var outputPath: [UInt8]? { bytes == [UInt8(ascii: "-")] ? nil : bytes }
}
