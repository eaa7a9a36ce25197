import CLinux

/// An entry of systemd's journal in journald's native protocol: fields, whose names may repeat.
///
/// A value without a newline is a line, `NAME=value`. Any other value is preceded by its length, so a file name cannot
/// end a field or begin another.
struct JournalEntry {
    private(set) var bytes: [UInt8] = []

    /// The kind of an entry. `journalctl` and catalogs identify it by this id.
    enum Message: String {
        case change = "e89b83eb35b9451eba14277d6832f727"
        case summary = "16c26904dbbf41119d60df4a185e51e8"
    }

    /// The numbers of syslog(3).
    enum Priority: Int {
        case error = 3
        case warning = 4
        case notice = 5
        case info = 6
    }

    init(_ message: Message, _ priority: Priority, text: [UInt8]) {
        add("MESSAGE", text)
        add("MESSAGE_ID", message.rawValue)
        add("PRIORITY", "\(priority.rawValue)")
        add("SYSLOG_IDENTIFIER", "fsscan")
    }

    /// - Parameter name: of capital letters, digits and underscores.
    mutating func add(_ name: StaticString, _ value: [UInt8]) { add(Array("\(name)".utf8), value) }

    mutating func add(_ name: StaticString, _ value: String) { add(name, Array(value.utf8)) }

    mutating func add(_ name: [UInt8], _ value: [UInt8]) {
        bytes += name
        if value.contains(0x0A) {
            bytes.append(0x0A)
            withUnsafeBytes(of: UInt64(value.count).littleEndian) { bytes += $0 }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value
        bytes.append(0x0A)
    }
}
