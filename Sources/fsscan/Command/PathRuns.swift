/// PATHs that swift-argument-parser does not get to see: its time grows with the square of the number of arguments, and
/// `fsscan *` in a directory of 8,000 files spent 5.6 s in it. (1.8.2: for each value of a repeated argument
/// `ParsedValues.update` copies the array of values and the set of origins that came before, as the dictionary refers to
/// them still; `SplitArguments.remove(at:)` looks for an option from the first argument that is unused.)
///
/// No option takes more than one value. So an argument without a dash in front whose predecessor has none either is a PATH
/// for certain, and so is everything after the first `--`, which the parser looks for before anything else. Each run of
/// such arguments becomes one token, which stands in its place and is expanded afterwards: the order of PATHs matters.
struct PathRuns {
    /// What the parser gets.
    private(set) var arguments: [String] = []
    private var runs: [[CarriedArgument]] = []

    /// In front of the number of a run. Just below the characters that carry bytes: no argument can contain it.
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

    /// The PATHs behind what the parser took for PATHs.
    func expanded(_ paths: [String]) -> [[UInt8]] {
        paths.flatMap { path in
            path.unicodeScalars.first == Self.mark
                ? runs[Int(path.dropFirst())!].map(\.bytes) : [CarriedArgument(carried: path).bytes]
        }
    }
}
