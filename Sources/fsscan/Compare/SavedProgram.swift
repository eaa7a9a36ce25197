import Bytes
import CLinux
import Entries
import ScanEngine
import Snapshots

/// `fsscan saved`: the scans of a file.
struct SavedProgram {
    private let settings: SavedSettings

    init(_ settings: SavedSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        let file = try SavedScans(settings.file)
        let output = try OutputFile(settings.output, mode: settings.mode)
        let scans = try file.scans.map { scan in
            (scan, settings.wantsEvidence ? try file.evidence(of: scan) : nil)
        }
        if settings.isJSON {
            let writer = json(scans)
            try output.write(writer.buffer.bytes)
        } else {
            try text(scans, Quoting(for: output.descriptor)).withUnsafeBytes { try output.write($0) }
        }
        try output.finish()
        return .success
    }

    private func text(_ scans: [(SavedScan, Evidence?)], _ quoting: Quoting) -> [UInt8] {
        var text: [UInt8] = []
        for (scan, evidence) in scans {
            let label = scan.label.map { Array("  ".utf8) + quoting.quoted(Array($0.utf8)) } ?? []
            let started = scan.started.split(separator: ".").first.map { "\($0)Z" } ?? scan.started
            let entries = HumanUnits.count(scan.totals.entries, "entry", "entries")
            let errors = scan.totals.errors > 0 ? ", \(HumanUnits.count(scan.totals.errors, "error", "errors"))" : ""
            let hashes = scan.options.hash.map(\.rawValue).joined(separator: ",")
            text += Array("\(scan.id)".utf8) + label + Array("  ".utf8) + quoting.escaped(Array("\(started)  ".utf8))
            text += quoting.escaped(Array(scan.host.utf8))
            text += Array("  \(entries)\(errors)\(hashes.isEmpty ? "" : "  \(hashes)")  ".utf8)
            text += Array(scan.options.paths.map { quoting.escaped($0) }.joined(separator: [UInt8(ascii: " ")]))
            text.append(UInt8(ascii: "\n"))
            if let evidence { text += Array("   evidence \(evidence.hex)\n".utf8) }
        }
        return text
    }

    private func json(_ scans: [(SavedScan, Evidence?)]) -> JSONWriter {
        var writer = JSONWriter(layout: .readable)
        writer.beginObject(.onALineEach)
        writer.member("schema", "fsscan-saved/1")
        writer.key("scans")
        writer.beginArray(.onALineEach)
        for (scan, evidence) in scans {
            writer.beginObject(.onALineEach)
            writer.member("id", scan.id)
            writer.member("label", scan.label)
            writer.member("host", scan.host)
            writer.member("started", scan.started)
            writer.member("ended", scan.ended)
            writer.member("version", scan.version)
            if let evidence { writer.member("evidence", evidence.hex) }
            if let directory = scan.workingDirectory { writer.member("cwd", bytes: directory) }
            writer.key("roots")
            writer.beginArray()
            for (index, path) in scan.options.paths.enumerated() {
                writer.beginObject()
                writer.member("path", bytes: path)
                writer.member(digests: scan.options.hash.isEmpty ? [] : scan.rootDigests[index])
                writer.endObject()
            }
            writer.endArray()
            writer.key("options")
            writer.object(options: scan.options)
            writer.key("totals")
            writer.object(totals: scan.totals, .onOneLine)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        writer.endLine()
        return writer
    }
}
