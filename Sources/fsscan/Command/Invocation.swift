internal import ArgumentParser
import LinuxKernel

/// The request of a command line.
enum Invocation {
    case scan(ScanSettings)
    case diff(DiffSettings)
    case verify(VerifySettings)
    case accept(AcceptSettings)
    case prune(PruneSettings)
    case duplicates(DuplicatesSettings)
    case saved(SavedSettings)
    case browse(BrowseSettings)
    case plan(PlanSettings)
    case merge(MergeSettings)
    /// `--help`: text for standard output.
    case information(String)
    case completionScript(CompletionShell)
    /// `version`, `--version`.
    case programVersion

    /// Only the first argument can be a command: `fsscan -x diff` scans a directory.
    init(_ arguments: [CarriedArgument]) throws(UsageError) {
        if let shell = try CompletionShell.asked(arguments) {
            self = .completionScript(shell)
        } else if let command = Command.named(arguments.first) {
            self = try command.invocation(Array(arguments.dropFirst()))
        } else {
            if let first = arguments.first { try Self.refuseMistyped(first) }
            self = try Command.all[0].invocation(arguments)
        }
    }

    /// Refuses a command with one letter too many, too few or wrong; otherwise it would be scanned as a missing PATH.
    private static func refuseMistyped(_ word: CarriedArgument) throws(UsageError) {
        guard let command = Command.near(word), !word.bytes.contains(UInt8(ascii: "/")) else { return }
        let failure = (word.bytes + [0]).withUnsafeBytes { name -> Errno? in
            let start = name.baseAddress!.assumingMemoryBound(to: CChar.self)
            var status = FileStatus()
            do throws(Errno) {
                try Kernel.status(of: start, in: Kernel.workingDirectory, into: &status)
                return nil
            } catch {
                return error
            }
        }
        guard failure == .noSuchEntry else { return }
        throw UsageError("PATH", word, "is missing: did you mean '\(command.name)'? (see fsscan --help)")
    }

    static func parsed<Parsed: ParsableCommand>(
        _ type: Parsed.Type, _ runs: PathRuns, _ check: (Parsed) throws -> Invocation
    ) throws(UsageError) -> Invocation {
        do {
            return try check(try Parsed.parse(runs.arguments))
        } catch let error as UsageError {
            throw error
        } catch {
            let message = Parsed.message(for: error)
            if Parsed.exitCode(for: error) == .success {
                return message == Program.version ? .programVersion : .information(message)
            }
            throw UsageError(message, fromParser: ())
        }
    }
}
