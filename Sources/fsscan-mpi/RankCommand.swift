internal import ArgumentParser
import Entries
import Formats

/// The options of `fsscan-mpi`: those of a scan, and its own.
struct RankCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan-mpi",
        abstract: "fsscan on several machines that mount the same file system.",
        usage: "mpirun [-n N] fsscan-mpi [options] PATH...",
        discussion: """
            The report is that of fsscan. Most options are those of fsscan, too: see fsscan --help. Run one rank per \
            machine, and write with -o, because MPI libraries also print to standard output.

            EXAMPLES:
              mpirun -n 4 fsscan-mpi /data --json -o report.json
              mpirun -n 4 fsscan-mpi /data --ndjson -o records/
              mpirun -n 4 fsscan-mpi /data --hash sha256 --save data.fsscan -o report
              srun -N 16 --ntasks-per-node 1 --mpi=pmix fsscan-mpi /data --json -o report.json

            EXIT STATUS: that of fsscan, and
              75               a rank did not answer; the report lists the missing parts
            """)

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The time a rank may be silent before the others continue: seconds, or 90s, 5m, 2h. (default: 5m)",
            valueName: "T"))
    var patience: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Save finished shards in DIR, which is created: the ranks scan shards, and lend each other nothing.",
            valueName: "DIR"),
        completion: .directory)
    var journal: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Like --journal, but skip the shards in DIR. The other arguments must be the same.", valueName: "DIR"
        ),
        completion: .directory)
    var resume: CarriedArgument?

    @OptionGroup var scan: ScanArguments
}

/// The options of `fsscan-mpi`, checked.
struct RankSettings {
    var scan: ScanSettings
    /// Nanoseconds.
    var patience = Self.usualPatience
    static let usualPatience: Int64 = 300_000_000_000
    /// The directory of the finished shards; nil: work is lent instead.
    var journal: [UInt8]?
    /// Whether there may be some.
    var resumes: Bool

    init(_ command: RankCommand, _ runs: PathRuns) throws(UsageError) {
        scan = try ScanSettings(command.scan, runs)
        let patience = try ScanSettings.value(
            "--patience", command.patience, "time", DurationArgument.description, DurationArgument.seconds)
        if let patience { self.patience = Int64(patience * 1e9) }
        journal = (command.resume ?? command.journal)?.bytes
        resumes = command.resume != nil
        if command.journal != nil, resumes {
            throw UsageError("--journal begins a scan, --resume continues one: use one of them")
        }
        if journal != nil, scan.format == .html || scan.format.records != nil {
            throw UsageError("--format \(scan.format) is not for a scan with a journal")
        }
        if journal != nil, scan.save != nil { throw UsageError("--save is not for a scan with a journal") }
        if let format = scan.format.records, format.isTree, scan.paths.count != 1 {
            throw UsageError("--format \(scan.format): takes one PATH, as the format has one root")
        }
        try refuseWhatOneProcessNeeds()
    }

    /// Where the parts of all ranks go; nil if the first rank writes all records, or if there are none.
    var recordDirectory: [UInt8]? {
        guard scan.format == .ndjson, let output = scan.output, output.last == UInt8(ascii: "/") else { return nil }
        return output
    }

    private func refuseWhatOneProcessNeeds() throws(UsageError) {
        let refused: [(String, Bool)] = [
            ("--baseline", scan.baseline != nil), ("--deadline", scan.deadline != nil),
            ("a selection of entries", !scan.options.selection.isEmpty), ("--trace", scan.trace != nil),
            ("--shard", scan.shard != nil),
            ("--files-from", !scan.pathLists.isEmpty),
            // Only the first rank has standard input.
            ("--exclude-from -", scan.patternLists.contains(where: \.isStandardInput)),
        ]
        if let (option, _) = refused.first(where: \.1) {
            throw UsageError("\(option) is not for fsscan-mpi: use fsscan")
        }
    }
}
