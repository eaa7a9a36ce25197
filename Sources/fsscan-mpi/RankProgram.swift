import Bytes
import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import WorkStealing

/// One rank, from checked settings to an exit status.
struct RankProgram {
    private let link: Link
    private let settings: ScanSettings
    private let patience: Double
    private let recordDirectory: [UInt8]?

    init(_ link: Link, _ settings: RankSettings) {
        (self.link, self.settings, patience) = (link, settings.scan, settings.patience)
        recordDirectory = settings.recordDirectory
    }

    func run() throws -> ExitStatus {
        clinux_install_stop_handler()
        let output: OutputFile?
        do {
            output = try prepareOutput()
        } catch {
            // The others wait for the start: tell them that there will be no scan.
            for rank in 1..<max(1, link.size) { link.send(.begin, to: rank) }
            throw error
        }
        guard let start = begin() else {
            link.farewell {}
            return .success
        }
        let threads = settings.threads ?? Scheduler.defaultThreads
        warnOfBinding(threads)
        let asked = settings.scanOptions(
            paths: settings.paths, patterns: try settings.patternLists.flatMap { try $0.patterns() }, threads: threads)
        var options = asked
        options.now =
            options.now
            ?? FileTime(
                seconds: start.startedSeconds, nanoseconds: start.startedNanoseconds)
        var environment = ScanEnvironment()
        environment.isCancelled = { clinux_stop_signal() != 0 }
        if !settings.format.tellsAll {
            environment.onError = { error in StandardStreams.complain(error.path, error.message) }
        }
        let scan: ScanRank
        let part: RecordPart?
        do {
            part = try recordDirectory.map { try RecordPart(rank: link.rank, in: $0, asked, settings) }
            if let part { environment.outputs.append(part.records) }
            scan = try ScanRank(options, hasTrunk: link.rank == 0, environment)
        } catch {
            // Another machine may have what this one lacks, and has begun.
            link.abort(ExitStatus(reporting: error).rawValue)
        }
        part?.records.begin(asked, version: Program.version, start)
        MIMEHelp.warn(scan.confinement)
        guard let thread = Thread.start({ scan.run() }) else { link.abort(ExitStatus.unavailable.rawValue) }
        let all = AllProgress()
        var courier = Courier(link, scan, all, patience: patience)
        let progress = link.rank == 0 ? ProgressDisplay(settings.progress) : nil
        progress?.begin(.together({ all.sum }, readsFiles: scan.readsFiles))
        do throws(BinaryFailure) {
            try courier.run()
            pthread_join(thread, nil)
            progress?.stop()
            let entries = scan.progress().entries
            let own = scan.lists()
            if link.rank > 0, let part { finish(part) }
            let lists = try courier.exchange(own)
            if settings.statistics { printStatistics(entries, courier) }
            var status = ExitStatus.success
            if link.rank == 0 {
                let report = try scan.report(lists, start: start, isComplete: !courier.hasLostRanks)
                status = write(report, asked, to: output, part)
                if courier.hasLostRanks { link.abort((status == .outputFailed ? status : .late).rawValue) }
            }
            try courier.sayFarewell()
            return status
        } catch {
            StandardStreams.complain("rank \(link.rank): data of another rank \(error.message)")
            link.abort(ExitStatus.trouble.rawValue)
        }
    }

    /// The destination of the report, if there is one.
    private func prepareOutput() throws(OutputError) -> OutputFile? {
        if link.rank > 0 { return nil }
        guard let recordDirectory else { return try OutputFile(settings.output, mode: settings.mode) }
        try OutputDirectory.make(recordDirectory, mode: settings.mode)
        return nil
    }

    /// The part of a rank that is not the first. Without it the records are not whole: the first part must not appear.
    private func finish(_ part: RecordPart) {
        do {
            try part.finish(nil)
        } catch {
            link.abort(ExitStatus(reporting: error).rawValue)
        }
    }

    /// The start time of the first rank.
    ///
    /// - Returns: nil if there will be no scan.
    private func begin() -> Timing? {
        var start = Timing.now
        if link.rank == 0 {
            var out = BinaryWriter()
            out.put(start.startedSeconds)
            out.put(start.startedNanoseconds)
            for rank in 1..<max(1, link.size) { link.send(.begin, out.bytes, to: rank) }
            return start
        }
        while true {
            guard let (word, rank, bytes) = link.receive() else {
                clinux_sleep(200_000)
                continue
            }
            // Ranks that have begun before this one may ask it.
            if word == .want { link.send(.work, to: rank) }
            guard word == .begin else { continue }
            var input = BinaryReader(bytes)
            guard let seconds = try? input.number(Int64.self), let nanoseconds = try? input.number(Int64.self) else {
                return nil
            }
            (start.startedSeconds, start.startedNanoseconds) = (seconds, nanoseconds)
            return start
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

    /// - Parameters:
    ///   - options: as requested by the user.
    ///   - output: nil for records, which have a part.
    private func write(
        _ report: ScanReport, _ options: ScanOptions, to output: OutputFile?, _ part: RecordPart?
    ) -> ExitStatus {
        do {
            if let output { try Self.write(report, options, settings, to: output) }
            try part?.finish(report)
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
