import CLinux
import CNcurses
import Entries
import Formats
import Glibc
import ScanEngine
import Snapshots
import WorkStealing

/// `fsscan browse`: shows a tree while it is scanned, and lets the user navigate in it.
struct BrowseProgram {
    private let settings: BrowseSettings

    init(_ settings: BrowseSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        let arguments = try settings.paths.map { path throws(SnapshotFailure) in try SnapshotArgument(path) }
        guard isatty(0) == 1, isatty(1) == 1 else {
            throw UsageError("browse needs a terminal: for a summary use fsscan PATH")
        }
        guard !TextStyle.terminalIsDumb else {
            throw UsageError("browse needs a terminal that can move its cursor, and TERM says it cannot")
        }
        // From here on a signal must not end the process without restoring the terminal.
        clinux_install_stop_handler()
        clinux_call_at_abrupt_end(cncurses_restore)
        let isUTF8 = cncurses_set_locale(Quoting.localeIsUTF8 ? 1 : 0) != 0
        let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: !isUTF8, usesCurlyQuotes: isUTF8)
        let text = ScreenText(quoting: quoting, isUTF8: isUTF8)

        var model: BrowseModel
        if arguments.count == 2 {
            let (old, new) = try pair(arguments)
            model = BrowseModel(new, since: old, text: text)
        } else {
            model = BrowseModel(try source(arguments[0], settings.paths[0]), text: text)
        }
        let status = cncurses_begin(TextStyle(for: 1).usesColour ? 1 : 0)
        if status != 0 {
            model.cancel()
            throw UsageError("browse cannot use this terminal: its TERM is unknown")
        }
        show(model)
        cncurses_end()
        // The scan may wait for a file system, but nothing waits for the scan.
        model.cancel()
        clinux_abandon_threads()
        return ExitStatus.stopSignal ?? .success
    }

    private func source(
        _ argument: SnapshotArgument, _ given: [UInt8], as other: SnapshotBrowse? = nil
    ) throws -> any BrowseSource {
        switch argument {
        case .live(let path):
            var options = settings.scanOptions(path: path, threads: settings.threads ?? Scheduler.defaultThreads)
            if let other {
                guard other.rootCount == 1 else {
                    throw UsageError("browse compares a directory with a scan of one PATH")
                }
                if let scan = other.options { options.obey(scan) }
            }
            return try LiveBrowse(options, allowsDeleting: settings.delete)
        case .file(let path, let selector):
            // Until there is something to be shown, which may take minutes.
            let (display, input) = (ProgressDisplay(nil), InputProgress())
            defer { display.stop() }
            display.begin(.readingInput(input))
            return try SnapshotBrowse(given, file: path, selector: selector, input)
        }
    }

    /// Files first: a directory is scanned with the options of the other side.
    private func pair(_ arguments: [SnapshotArgument]) throws -> (old: any BrowseSource, new: any BrowseSource) {
        if case .live = arguments[0] {
            let new = try source(arguments[1], settings.paths[1])
            return (try source(arguments[0], settings.paths[0], as: new as? SnapshotBrowse), new)
        }
        let old = try source(arguments[0], settings.paths[0])
        return (old, try source(arguments[1], settings.paths[1], as: old as? SnapshotBrowse))
    }

    private func show(_ model: BrowseModel) {
        let screen = BrowseScreen()
        // The first entries are there by then.
        var wait = Self.firstWait
        /// Until the next picture; a key does not wait for it.
        var untilDrawn: Int32 = 0
        while clinux_stop_signal() == 0 {
            if untilDrawn <= 0 {
                model.update()
                screen.draw(model.screen(rows: screen.rows, columns: screen.columns))
                untilDrawn = wait == Self.firstWait ? wait : Self.frame
            } else {
                model.takeIn()
            }
            guard var event = screen.nextKey(wait) else { return }
            if case .none = event { untilDrawn -= wait } else { untilDrawn = 0 }
            wait = model.isScanning ? Self.scanningWait : Self.frame
            // Input that arrived meanwhile is not drawn key by key.
            while true {
                if case .key(let key) = event, !model.press(key) { return }
                if case .none = event { break }
                // The user must see a question before answering it: earlier input is no answer.
                if model.isAsking {
                    screen.forgetKeys()
                    break
                }
                guard let next = screen.nextKey(0) else { return }
                event = next
            }
        }
    }

    /// Milliseconds. Ten frames a second.
    private static let frame: Int32 = 100
    private static let firstWait: Int32 = 20
    /// Events of a scan are taken more often than the tree is drawn, because they occupy memory until then: as much as
    /// the whole tree, for 300,000 directories in a second.
    private static let scanningWait: Int32 = 25
}

extension ScanOptions {
    /// Takes over the exclusions of the other scan.
    fileprivate mutating func obey(_ other: ScanOptions) {
        oneFileSystem = oneFileSystem || other.oneFileSystem
        excludeKernfs = excludeKernfs || other.excludeKernfs
        gitignore = gitignore || other.gitignore
        excludeCaches = excludeCaches || other.excludeCaches
        followRoots = followRoots || other.followRoots
        exclude = other.exclude + exclude
    }
}
