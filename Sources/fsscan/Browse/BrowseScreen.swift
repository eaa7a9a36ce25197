import CNcurses
import Glibc

/// The terminal, while the browser uses it. All calls from one thread.
struct BrowseScreen {
    var rows: Int { Int(cncurses_rows()) }
    var columns: Int { Int(cncurses_columns()) }

    func draw(_ screen: [ScreenRow]) {
        cncurses_erase()
        for (index, row) in screen.enumerated() {
            var column = 0
            for piece in row.pieces {
                let style = Int32(Self.style(piece.style) | (row.isSelected ? CNCURSES_SELECTED : 0))
                piece.text.withUnsafeBytes { bytes in
                    cncurses_put(
                        Int32(index), Int32(column), bytes.baseAddress!.assumingMemoryBound(to: CChar.self),
                        Int32(bytes.count), style)
                }
                column += piece.columns
            }
        }
        cncurses_show()
    }

    private static func style(_ style: ScreenStyle) -> Int {
        switch style {
        case .plain: CNCURSES_PLAIN
        case .dim: CNCURSES_DIM
        case .strong: CNCURSES_STRONG
        case .accent: CNCURSES_ACCENT
        case .warning: CNCURSES_WARNING
        case .bar: CNCURSES_BAR
        }
    }

    /// Waits for a key, for at most this many milliseconds.
    ///
    /// - Returns: nil if the terminal is gone.
    func nextKey(_ milliseconds: Int32) -> Event? {
        // Not through curses: without a terminal its wait ends at once, without a reason.
        var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        let count = poll(&input, 1, milliseconds)
        if count > 0, input.revents & Int16(POLLIN) == 0 { return nil }
        return Self.event(of: cncurses_key(0))
    }

    /// Discards unread input.
    func forgetKeys() { cncurses_forget_keys() }

    enum Event { case none, resized, key(BrowseKey) }

    private static let keys: [Int: BrowseKey] = [
        CNCURSES_KEY_UP: .up, CNCURSES_KEY_DOWN: .down, CNCURSES_KEY_LEFT: .left,
        CNCURSES_KEY_RIGHT: .right, CNCURSES_KEY_HOME: .home, CNCURSES_KEY_END: .end,
        CNCURSES_KEY_PAGE_UP: .pageUp, CNCURSES_KEY_PAGE_DOWN: .pageDown,
        CNCURSES_KEY_ENTER: .enter, CNCURSES_KEY_BACKSPACE: .backspace, 0x1B: .escape,
    ]

    private static func event(of code: Int32) -> Event {
        let code = Int(code)
        if code == CNCURSES_KEY_RESIZED { return .resized }
        if let key = keys[code] { return .key(key) }
        return UInt8(exactly: code).map { $0 < 0x20 ? .none : .key(.character($0)) } ?? .none
    }
}
