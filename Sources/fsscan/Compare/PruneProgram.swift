import CLinux
import Entries
import Formats
import ScanEngine
import Snapshots

/// `fsscan prune`.
struct PruneProgram {
    private let settings: PruneSettings

    init(_ settings: PruneSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        clinux_install_stop_handler()
        let output = try OutputFile(nil)
        let pruning = try SavedPruning(settings.file)
        var refused: [[UInt8]]?
        let forgotten = pruning.forgotten(by: settings.policy) { refused = refused ?? $0 }
        if let refused {
            let paths = refused.map { Quoting.forErrors.quoted($0) }.joined(separator: [UInt8(ascii: " ")])
            let message = "would keep no scan of \(String(decoding: Array(paths), as: UTF8.self))"
            throw UsageError("prune", CarriedArgument(bytes: settings.file), message)
        }
        let quoting = Quoting(for: output.descriptor)
        var text: [UInt8] = []
        for scan in forgotten {
            let label = scan.label.map { Array("  ".utf8) + quoting.quoted(Array($0.utf8)) } ?? []
            text += Array("\(settings.isDryRun ? "would remove" : "removed") \(scan.id)".utf8) + label
            text += quoting.escaped(Array("  \(scan.started)".utf8)) + [UInt8(ascii: "\n")]
        }
        let rest = Int64(pruning.scans.count - forgotten.count)
        if !settings.isDryRun, !forgotten.isEmpty { try pruning.remove(Set(forgotten.map(\.id))) }
        text += Array("\(HumanUnits.count(rest, "scan", "scans")) kept.\n".utf8)
        try text.withUnsafeBytes { try output.write($0) }
        try output.finish()
        return .success
    }
}
