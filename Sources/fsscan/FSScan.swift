import Bytes
import CLinux
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots
import WorkStealing

/// The program: reads the command line, scans, writes the report, and returns a status.
@main
enum FSScan {
    static func main() {
        StandardStreams.prepare()
        // The display of the progress has a thread before there is a scheduler.
        Scheduler.prepareProcess()
        // From here on SIGUSR1 ends no command, even without a progress display.
        clinux_install_progress_handler()
        clinux_prefix_standard_error()
        let arguments = CarriedArgument.ofProcess()
        if let refused = clinux_distrust_environment(geteuid() == 0 ? 1 : 0) {
            StandardStreams.complain(
                "warning: \(String(cString: refused)) is not used: users other than root may change that directory")
        }
        exit(run(arguments).rawValue)
    }

    /// Everything except the process's exit, so that files are closed and temporaries removed before it.
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
                try print("\(Program.version)\n\(MIMEHelp.line())")
                return .success
            case .scan(let settings):
                return try ScanProgram(settings).run()
            case .plan(let settings):
                return try PlanProgram(settings).run()
            case .merge(let settings):
                return try MergeProgram(settings).run()
            case .browse(let settings):
                return try BrowseProgram(settings).run()
            case .diff(let settings):
                return try DiffProgram(settings).run()
            case .verify(let settings):
                return try VerifyProgram(settings).run()
            case .duplicates(let settings):
                return try DuplicatesProgram(settings).run()
            case .accept(let settings):
                return try AcceptProgram(settings).run()
            case .prune(let settings):
                return try PruneProgram(settings).run()
            case .saved(let settings):
                return try SavedProgram(settings).run()
            }
        } catch {
            return ExitStatus(reporting: error)
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
