import Bytes
import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots
import WorkStealing

/// One rank, from checked settings to an exit status.
struct RankProgram {
    private let link: Link
    private let rankSettings: RankSettings
    private var settings: ScanSettings { rankSettings.scan }

    init(_ link: Link, _ settings: RankSettings) { (self.link, rankSettings) = (link, settings) }

    func run() throws -> ExitStatus {
        clinux_install_stop_handler()
        let threads = settings.threads ?? Scheduler.defaultThreads
        let asked = settings.scanOptions(
            paths: settings.paths, patterns: try settings.patternLists.flatMap { try $0.patterns() }, threads: threads)
        let devices = MountedDevices(asked)
        let all = AllProgress()
        var watch = RankWatch(link, all, patience: rankSettings.patience)
        let beginning =
            link.rank == 0 ? try beginFirst(asked, devices, &watch) : try begin(asked, devices, &watch)
        guard let begun = beginning else {
            link.farewell(patience: rankSettings.patience)
            return .success
        }
        warnOfBinding(threads)
        let (outputs, start) = (begun.outputs, begun.start)
        var options = asked
        options.now = options.now ?? FileTime(seconds: start.startedSeconds, nanoseconds: start.startedNanoseconds)
        var environment = ScanEnvironment()
        environment.isCancelled = { clinux_stop_signal() != 0 }
        if !settings.format.tellsAll {
            environment.onError = { error in StandardStreams.complain(error.path, error.message) }
        }
        let numbers = devices.numbers(of: begun.devices)
        environment.outputs = outputs.all.map { numbers.isEmpty ? $0 : TranslatedDevices($0, numbers) }
        environment.leftOut = settings.save.flatMap { LeftOut($0, suffixes: LeftOut.ofDatabases) }
        let scan: ScanRank
        do {
            scan = try ScanRank(options, hasTrunk: link.rank == 0, environment)
        } catch {
            // Another machine may have what this one lacks, and has begun.
            outputs.saved?.abandon()
            link.abort(ExitStatus(reporting: error).rawValue)
        }
        let number = RecordPartNumber(rank: link.rank, ranks: link.size)
        outputs.records?.records.begin(
            asked, version: Program.version, start, part: rankSettings.recordDirectory == nil ? nil : number)
        MIMEHelp.warn(scan.confinement)
        guard let thread = Thread.start({ scan.run() }) else { link.abort(ExitStatus.unavailable.rawValue) }
        if let writer = outputs.writer, !writer.start() { link.abort(ExitStatus.unavailable.rawValue) }
        let pieces = outputs.queue.map { PieceTraffic($0, outputs.writer, ranks: link.size) }
        var courier = Courier(link, scan, watch, pieces)
        let progress = link.rank == 0 ? ProgressDisplay(settings.progress) : nil
        progress?.begin(.together({ all.sum }, readsFiles: scan.readsFiles))
        do throws(BinaryFailure) {
            if try !courier.run() { link.abort(outputs.failure(settings).rawValue) }
            pthread_join(thread, nil)
            progress?.stop()
            let entries = scan.progress().entries
            let own = try courier.serving { scan.lists() }
            if link.rank > 0, let part = outputs.records { try finish(part, &courier) }
            let lists = try courier.exchange(own)
            if settings.statistics { printStatistics(entries, courier) }
            if let path = settings.save { ScanProgram.warn(ofSaved: path, environment.leftOut) }
            var status = ExitStatus.success
            if link.rank == 0 {
                let hasLostRanks = courier.hasLostRanks
                status = try courier.serving { () throws(BinaryFailure) in
                    try outputs.writer?.finish()
                    var report = try scan.report(lists, start: start, isComplete: !hasLostRanks)
                    return write(&report, asked, begun)
                }
                if hasLostRanks { link.abort((status == .outputFailed ? status : .late).rawValue) }
            }
            try courier.sayFarewell()
            return status
        } catch {
            StandardStreams.complain("rank \(link.rank): data of another rank \(error.message)")
            link.abort(ExitStatus.trouble.rawValue)
        }
    }

    /// The part of a rank that is not the first. Without it the records are not whole: the first part must not appear.
    private func finish(_ part: RecordPart, _ courier: inout Courier) throws(BinaryFailure) {
        let finished = try courier.serving { Result { () throws(OutputError) in try part.finish(nil) } }
        if case .failure(let error) = finished { link.abort(ExitStatus(reporting: error).rawValue) }
    }

    // MARK: The beginning

    private struct Begun {
        /// That of the first rank.
        var start: Timing
        /// Those of the first rank.
        var devices: MountedDevices
        var outputs: RankOutputs
        /// The destination of the report; nil for the parts of records, and for other ranks.
        var output: OutputFile?
    }

    /// Prepares the outputs of the first rank, and begins the scan of all.
    private func beginFirst(
        _ options: ScanOptions, _ devices: MountedDevices, _ watch: inout RankWatch
    ) throws -> Begun {
        do {
            // If it is a FIFO, that may take a while.
            let output =
                rankSettings.recordDirectory == nil
                ? try watch.serving({ try OutputFile(settings.output, mode: settings.mode) }) : nil
            let outputs = try watch.serving { try RankOutputs(first: rankSettings, options, output) }
            let begun = Begun(start: .now, devices: devices, outputs: outputs, output: output)
            var out = BinaryWriter()
            out.put(begun.start.startedSeconds)
            out.put(begun.start.startedNanoseconds)
            devices.encode(to: &out)
            for rank in 1..<max(1, link.size) { link.send(.begin, out.bytes, to: rank) }
            return begun
        } catch {
            // The others wait for the start: tell them that there will be no scan.
            for rank in 1..<max(1, link.size) { link.send(.begin, to: rank) }
            throw error
        }
    }

    /// - Returns: nil if there will be no scan.
    private func begin(
        _ options: ScanOptions, _ devices: MountedDevices, _ watch: inout RankWatch
    ) throws -> Begun? {
        while true {
            guard let (word, rank, bytes) = watch.receive() else {
                watch.waitForTheFirst()
                continue
            }
            // Ranks that have begun before this one may ask it.
            if word == .want { link.send(.work, to: rank) }
            guard word == .begin else { continue }
            if bytes.isEmpty { return nil }
            do {
                var input = BinaryReader(bytes)
                var start = Timing.now
                start.startedSeconds = try input.number()
                start.startedNanoseconds = try input.number()
                let devices = try MountedDevices(from: &input)
                try input.end()
                let outputs = try RankOutputs(rankSettings, rank: link.rank, options)
                return Begun(start: start, devices: devices, outputs: outputs, output: nil)
            } catch let error as BinaryFailure {
                StandardStreams.complain("rank \(link.rank): the start of the scan \(error.message)")
                link.abort(ExitStatus.trouble.rawValue)
            } catch {
                link.abort(ExitStatus(reporting: error).rawValue)
            }
        }
    }

    /// `mpirun -n 2` binds each rank to one core.
    private func warnOfBinding(_ threads: Int) {
        let processors = Int(clinux_affinity_count())
        if processors < threads {
            StandardStreams.complain(
                "warning: rank \(link.rank) has \(threads) threads and may use "
                    + "\(HumanUnits.count(Int64(processors), "processor", "processors")): see mpirun --bind-to none")
        }
    }

    private func printStatistics(_ entries: Int64, _ courier: Courier) {
        StandardStreams.complain(
            "rank \(link.rank): \(entries) entries, \(courier.lent) lent, \(courier.borrowed) borrowed, "
                + "\(courier.idle / 1_000_000) ms idle, "
                + "\(link.sentMessages) messages, \(link.sentBytes) bytes sent")
    }

    /// - Parameter options: as requested by the user.
    private func write(_ report: inout ScanReport, _ options: ScanOptions, _ begun: Begun) -> ExitStatus {
        do {
            // First, as in fsscan: a reader of the report may close the pipe.
            try begun.outputs.save(&report, settings)
            if let records = begun.outputs.records {
                try records.finish(report)
            } else if let output = begun.output {
                try Self.write(report, options, settings, to: output)
            }
        } catch {
            return ExitStatus(reporting: error)
        }
        if let stopped = ExitStatus.stopSignal { return stopped }
        return report.totals.errors > 0 || !report.complete ? .unreadable : .success
    }

    static func write(
        _ report: ScanReport, _ options: ScanOptions, _ settings: ScanSettings, to output: OutputFile
    ) throws {
        try ReportFile(settings: settings).write(report, options, to: output)
        try output.finish()
    }
}
