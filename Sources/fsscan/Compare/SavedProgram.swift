import Bytes
import CLinux
import Entries
import Formats
import ScanEngine
import Snapshots

/// `fsscan saved`: the scans of a file.
struct SavedProgram {
    private let settings: SavedSettings

    init(_ settings: SavedSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        let file = try SavedScans(settings.file)
        if let copy = settings.copy { return try self.copy(file, copy) }
        let output = try OutputFile(settings.output, mode: settings.mode)
        let costs = try file.costs()
        let scans = try file.scans.map { scan in
            Listed(
                scan: scan, cost: costs[scan.id] ?? ScanCost(),
                evidence: settings.wantsEvidence ? try file.evidence(of: scan) : nil)
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

    private struct Listed {
        var scan: SavedScan
        var cost: ScanCost
        var evidence: Evidence?
    }

    private func copy(_ file: SavedScans, _ path: [UInt8]) throws -> ExitStatus {
        clinux_install_stop_handler()
        for (scan, evidence) in zip(file.scans, try file.copy(to: path, mode: settings.mode)) {
            StandardStreams.complain(path + Array("#\(scan.id)".utf8), "evidence: \(evidence.hex)")
        }
        return .success
    }

    private func text(_ scans: [Listed], _ quoting: Quoting) -> [UInt8] {
        var text: [UInt8] = []
        for listed in scans {
            let scan = listed.scan
            let label = scan.label.map { Array("  ".utf8) + quoting.quoted(Array($0.utf8)) } ?? []
            let started = scan.started.split(separator: ".").first.map { "\($0)Z" } ?? scan.started
            let entries = HumanUnits.count(scan.totals.entries, "entry", "entries")
            let errors = scan.totals.errors > 0 ? ", \(HumanUnits.count(scan.totals.errors, "error", "errors"))" : ""
            let hashes = scan.options.hash.map(\.rawValue).joined(separator: ",")
            text += Array("\(scan.id)".utf8) + label + Array("  ".utf8) + quoting.escaped(Array("\(started)  ".utf8))
            text += quoting.escaped(Array(scan.host.utf8))
            text += Array("  \(entries)\(errors)\(hashes.isEmpty ? "" : "  \(hashes)")  ".utf8)
            text += Array(scan.options.paths.map { quoting.escaped($0) }.joined(separator: [UInt8(ascii: " ")]))
            text += Array("  \(HumanUnits.bytes(listed.cost.bytes)) of its own\n".utf8)
            if let base = scan.base {
                text +=
                    Array("   accepted on \(base)".utf8)
                    + quoting.escaped(Array((scan.who.map { " by \($0)" } ?? "").utf8))
                if let reason = scan.reason { text += Array(": ".utf8) + quoting.escaped(Array(reason.utf8)) }
                text.append(UInt8(ascii: "\n"))
            }
            if let evidence = listed.evidence { text += Array("   evidence \(evidence.hex)\n".utf8) }
        }
        return text
    }

    private func json(_ scans: [Listed]) -> JSONWriter {
        var writer = JSONWriter(layout: .readable)
        writer.beginObject(.onALineEach)
        writer.member("schema", "fsscan-saved/1")
        writer.key("scans")
        writer.beginArray(.onALineEach)
        for listed in scans {
            let scan = listed.scan
            writer.beginObject(.onALineEach)
            writer.member("id", scan.id)
            writer.member("label", scan.label)
            writer.member("host", scan.host)
            writer.member("started", scan.started)
            writer.member("ended", scan.ended)
            writer.member("version", scan.version)
            if let evidence = listed.evidence { writer.member("evidence", evidence.hex) }
            writer.key("own")
            writer.beginObject()
            writer.member("rows", listed.cost.rows)
            writer.member("bytes", listed.cost.bytes)
            writer.endObject()
            if let base = scan.base {
                writer.member("base", base)
                writer.member("reason", scan.reason)
                writer.member("who", scan.who)
            }
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
