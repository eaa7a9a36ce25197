import CLinux
import CNcurses
import Glibc
import ScanEngine
import Snapshots

/// `fsscan browse`: shows a tree while it is scanned, and lets people walk about in it.
struct BrowseProgram {
    private let settings: BrowseSettings

    init(_ settings: BrowseSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        guard case .live(let path) = try SnapshotArgument(settings.paths[0]) else {
            throw UsageError("browse", CarriedArgument(bytes: settings.paths[0]), "is no directory")
        }
        guard isatty(0) == 1, isatty(1) == 1 else {
            throw UsageError("browse needs a terminal: for a summary use fsscan PATH")
        }
        guard !TextStyle.terminalIsDumb else {
            throw UsageError("browse needs a terminal that can move its cursor, and TERM says it cannot")
        }
        // From here on a signal must not end the process without giving the terminal back.
        clinux_install_stop_handler()
        clinux_call_at_abrupt_end(cncurses_restore)
        let isUTF8 = cncurses_set_locale(Quoting.localeIsUTF8 ? 1 : 0) != 0
        let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: !isUTF8, usesCurlyQuotes: isUTF8)
        let text = ScreenText(quoting: quoting, isUTF8: isUTF8)

        let options = settings.scanOptions(path: path, threads: settings.threads ?? DefaultThreads.count())
        let source = try LiveBrowse(options, root: DirectoryTree.root, next: DirectoryTree.root + 1)
        let model = BrowseModel(source, text: text)
        let status = cncurses_begin(TextStyle(for: 1).usesColour ? 1 : 0)
        if status != 0 {
            source.cancel()
            throw UsageError("browse cannot use this terminal: nothing is known of its TERM")
        }
        show(model)
        cncurses_end()
        // The scan may wait for a file system: nobody waits for the scan.
        source.cancel()
        clinux_abandon_threads()
        return ExitStatus.stopSignal ?? .success
    }

    private func show(_ model: BrowseModel) {
        let screen = BrowseScreen()
        // The first entries are there by then.
        var wait = Self.firstWait
        while clinux_stop_signal() == 0 {
            model.update()
            screen.draw(model.screen(rows: screen.rows, columns: screen.columns))
            guard var event = screen.nextKey(wait) else { return }
            wait = Self.wait
            // What was typed meanwhile is not drawn key by key.
            while true {
                if case .key(let key) = event, !model.press(key) { return }
                if case .none = event { break }
                guard let next = screen.nextKey(0) else { return }
                event = next
            }
        }
    }

    /// Milliseconds. Ten pictures a second.
    private static let wait: Int32 = 100
    private static let firstWait: Int32 = 20
}
