import Bytes
import CLinux
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// The program: reads the command line, scans, writes the report, and says how it went.
@main
enum FSScan {
    static func main() {
        StandardStreams.prepare()
        clinux_prefix_standard_error()
        let arguments = CarriedArgument.ofProcess()
        if let refused = clinux_distrust_environment(geteuid() == 0 ? 1 : 0) {
            StandardStreams.complain(
                "warning: \(String(cString: refused)) is not used: others than root may change that directory")
        }
        exit(run(arguments).rawValue)
    }

    /// Everything but the process's end, so that files are closed and temporaries removed before it.
    private static func run(_ arguments: [CarriedArgument]) -> ExitStatus {
        do {
            switch try Invocation(arguments) {
            case .information(let text):
                try print(text)
                return .success
            case .completionScript(let shell):
                try print(CompletionScript(shell).text)
                return .success
            case .programVersion:
                try print("\(Invocation.version)\n\(MIMEHelp.line())")
                return .success
            case .scan(let settings):
                return try ScanProgram(settings).run()
            case .browse(let settings):
                return try BrowseProgram(settings).run()
            case .diff(let settings):
                return try DiffProgram(settings).run()
            case .verify(let settings):
                return try VerifyProgram(settings).run()
            case .duplicates(let settings):
                return try DuplicatesProgram(settings).run()
            case .saved(let settings):
                return try SavedProgram(settings).run()
            }
        } catch let error as UsageError {
            StandardStreams.complain(error.message)
            return .usage
        } catch let error as ScanUnavailable {
            let message = Array("\(error.option): \(error.message)".utf8)
            StandardStreams.complain(message)
            return .unavailable
        } catch let error as OutputError {
            // A wait for a FIFO's reader that a signal ended is no failure of the output.
            if error.cause.error == .interrupted, let status = ExitStatus.stopSignal { return status }
            if let path = error.path {
                StandardStreams.complain(path, error.cause.message)
            } else {
                StandardStreams.complain("standard output: \(error.cause.message)")
            }
            return .outputFailed
        } catch let error as SnapshotFailure {
            if let status = ExitStatus.stopSignal { return status }
            if let path = error.path {
                StandardStreams.complain(path, error.message)
            } else {
                StandardStreams.complain(error.message)
            }
            return .trouble
        } catch let error as SaveFailure {
            StandardStreams.complain(error.path, error.message)
            return .outputFailed
        } catch {
            preconditionFailure("an error that nobody prints: \(error)")
        }
    }

    private static func print(_ text: String) throws(OutputError) {
        let output = try OutputFile(nil)
        var buffer = ByteBuffer()
        buffer.append(text)
        if !text.hasSuffix("\n") { buffer.append("\n") }
        try output.write(buffer.bytes)
        try output.finish()
    }
}

/// How the program ends. The earlier in this order wins: usage, unavailable, output, signals, deadline, unreadable.
enum ExitStatus: Equatable {
    case success
    case unreadable
    /// Of `diff` and `verify`: the sides differ.
    case different
    /// Of `diff` and `verify`: something could not be read or compared.
    case trouble
    case usage
    /// A library, its data or /proc is missing on this machine, and an option needs it: `EX_UNAVAILABLE` of sysexits.h.
    case unavailable
    case outputFailed
    /// Stopped by `--deadline`: `EX_TEMPFAIL` of sysexits.h.
    case late
    case stopped(signal: CInt)

    var rawValue: CInt {
        switch self {
        case .success: 0
        case .unreadable, .different: 1
        case .trouble: 2
        case .usage: 64
        case .unavailable: 69
        case .outputFailed: 74
        case .late: 75
        // As shells show a process that a signal ended.
        case .stopped(let signal): 128 + signal
        }
    }

    /// Set when a stop signal arrived, whether it found the scan running or not.
    static var stopSignal: ExitStatus? {
        let signal = clinux_stop_signal()
        return signal == 0 ? nil : .stopped(signal: signal)
    }
}
