internal import ArgumentParser

/// `--threads` and `--progress`, of commands that scan on their way.
struct WorkerOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The number of workers that scan, 1 to 1024.", valueName: "N"))
    var threads: CarriedArgument?

    @Flag(inversion: .prefixedNo, help: "Show progress. (default: when standard error is a terminal)")
    var progress: Bool?
}
