import Entries
import Formats
import LinuxKernel
import ScanEngine
import Snapshots

/// `fsscan plan`: cuts the tree, and writes the plan.
struct PlanProgram {
    private let settings: PlanSettings

    init(_ settings: PlanSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        for path in settings.options.paths {
            var status = FileStatus()
            do throws(Errno) {
                try (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { (name) throws(Errno) in
                    // The array ends in a NUL.
                    try Kernel.status(of: name.baseAddress!, in: Kernel.workingDirectory, into: &status)
                }
            } catch {
                throw SnapshotFailure(path: path, error.message)
            }
        }
        var options = settings.options
        options.exclude = try settings.patternLists.flatMap { try $0.patterns() } + options.exclude
        let output = try OutputFile(settings.output, mode: settings.mode)
        let plan = ScanPlan(options, shards: settings.shards, version: Program.version)
        try plan.bytes.withUnsafeBytes { try output.write($0) }
        try output.finish()
        return .success
    }
}
