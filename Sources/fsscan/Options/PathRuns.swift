/// Hides PATHs from swift-argument-parser, whose time is quadratic in the number of arguments: `fsscan *` in a
/// directory of 8,000 files spent 5.6 s in it. (1.8.2: for each value of a repeated argument `ParsedValues.update`
/// copies the array of earlier values and the set of their origins, because the dictionary still refers to them;
/// `SplitArguments.remove(at:)` searches for an option from the first unused argument.)
///
/// No option takes more than one value. So an argument without a leading dash, after another one without, is certainly
/// a PATH, and so is everything after the first `--`, which the parser looks for before anything else. Each run of such
/// arguments becomes one token in its place, which is expanded afterwards: the order of PATHs matters.
struct PathRuns {
    /// The arguments for the parser.
    private(set) var arguments: [String] = []
    private var runs: [[CarriedArgument]] = []

    /// Precedes the number of a run. Just below the characters that represent bytes: no argument can contain it.
    private static let mark: Unicode.Scalar = "\u{10F6FF}"

    init(_ given: [CarriedArgument]) {
        let dash = UInt8(ascii: "-")
        var followsOption = true
        var run: [CarriedArgument] = []
        var rest = given[...]
        while let argument = rest.popFirst() {
            let isOption = argument.bytes.first == dash
            if isOption || followsOption {
                append(&run)
                arguments.append(argument.carried)
            } else {
                run.append(argument)
            }
            followsOption = isOption
            if argument.bytes == [dash, dash] {
                run = Array(rest)
                break
            }
        }
        append(&run)
    }

    private mutating func append(_ run: inout [CarriedArgument]) {
        guard !run.isEmpty else { return }
        arguments.append("\(Self.mark)\(runs.count)")
        runs.append(run)
        run = []
    }

    /// The PATHs that the parser's PATHs represent.
    func expanded(_ paths: [String]) -> [[UInt8]] {
        paths.flatMap { path in
            path.unicodeScalars.first == Self.mark
                ? runs[Int(path.dropFirst())!].map(\.bytes) : [CarriedArgument(carried: path).bytes]
        }
    }
}
