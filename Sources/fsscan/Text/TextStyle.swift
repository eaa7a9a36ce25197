import CLinux
import CNcurses
import Glibc

/// The style of text for its destination: colour, quoting, width, units.
struct TextStyle {
    var isTerminal = false
    var usesColour = false
    var quoting: Quoting
    /// Columns of the terminal; nil for a file or a pipe, in which nothing is shortened.
    var width: Int?
    /// Bars and lines are drawn with more than ASCII.
    var isUTF8: Bool
    var units = ByteUnits.binary

    /// - Parameter descriptor: the destination.
    init(for descriptor: CInt, colour: ColourChoice = .auto, units: ByteUnits = .binary) {
        isTerminal = isatty(descriptor) == 1
        quoting = Quoting(for: descriptor)
        // NO_COLOR as in no-color.org: present and not empty. An option overrides a variable.
        switch colour {
        case .auto: usesColour = isTerminal && !Self.isSet("NO_COLOR") && !Self.terminalIsDumb
        case .always: usesColour = true
        case .never: usesColour = false
        }
        width = isTerminal ? Self.columns(of: descriptor) : nil
        isUTF8 = Quoting.localeIsUTF8
        self.units = units
        // Without it the C library takes all characters for narrow. Not needed if nothing has to fit.
        if isTerminal, isUTF8 { isUTF8 = cncurses_set_locale(1) != 0 }
    }

    init(quoting: Quoting, isUTF8: Bool) {
        self.quoting = quoting
        self.isUTF8 = isUTF8
    }

    /// Measures and cuts text that has to fit.
    var screen: ScreenText { ScreenText(quoting: quoting, isUTF8: isUTF8) }

    /// A name as text. If it has to fit, characters without a width in the C library are also escaped.
    func printable(_ name: [UInt8]) -> [UInt8] { width == nil ? quoting.escaped(name) : screen.printable(name) }

    /// A missing TERM is treated as dumb: the terminal's capabilities are unknown.
    static var terminalIsDumb: Bool {
        guard let term = getenv("TERM"), term.pointee != 0 else { return true }
        return strcmp(term, "dumb") == 0
    }

    /// 80 if the terminal does not say.
    private static func columns(of descriptor: CInt) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private static func isSet(_ variable: String) -> Bool {
        guard let value = getenv(variable) else { return false }
        return value.pointee != 0
    }

    func title(_ text: [UInt8]) -> [UInt8] { coloured(text, "1") }
    func heading(_ text: [UInt8]) -> [UInt8] { dim(text) }
    func dim(_ text: [UInt8]) -> [UInt8] { coloured(text, "2") }
    func accent(_ text: [UInt8]) -> [UInt8] { coloured(text, "36") }
    func warning(_ text: [UInt8]) -> [UInt8] { coloured(text, "1;31") }

    private func coloured(_ text: [UInt8], _ code: String) -> [UInt8] {
        usesColour && !text.isEmpty ? Array("\u{1B}[\(code)m".utf8) + text + Array("\u{1B}[0m".utf8) : text
    }
}
