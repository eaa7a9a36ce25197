/// The layout of the lines of `RecordFormat.paths` and `RecordFormat.columns`.
public struct RecordLines: Sendable {
    /// NUL instead of a newline ends each line.
    public var endInNUL = false
    /// A person reads them: names must not act on the terminal.
    public var areForTerminal = false

    public init() {}

    var end: UInt8 { endInNUL ? 0 : UInt8(ascii: "\n") }
    /// In columns a name must not break a line.
    var escapesColumns: Bool { areForTerminal || !endInNUL }
}
