/// Counts files by extension, without an allocation for a name that was met before.
///
/// An extension is at most 16 lower-case ASCII letters and digits: it fits into two words, which are the key of an open
/// hash table (linear probing). The table never has to forget anything: what is not an extension counts under "".
struct ExtensionTable {
    /// Bytes in memory order, padded with zeros, which no extension contains; (0, 0) is "no extension".
    struct Key: Hashable {
        var low: UInt64 = 0
        var high: UInt64 = 0

        /// What follows the last dot, if the dot is not the first byte and 1–16 ASCII letters or digits follow.
        init(name: UnsafeRawBufferPointer) {
            var key = (UInt64(0), UInt64(0))
            var length = 0
            var index = name.count - 1
            // From the end: the bytes come in reverse, and are shifted in from the other side.
            while index > 0 {
                let byte = name[index]
                if byte == UInt8(ascii: ".") {
                    guard length > 0 else { return }
                    (low, high) = key
                    return
                }
                guard length < 16, let lowered = Self.lowered(byte) else { return }
                key.1 = key.1 << 8 | key.0 >> 56
                key.0 = key.0 << 8 | UInt64(lowered)
                length += 1
                index -= 1
            }
        }

        private static func lowered(_ byte: UInt8) -> UInt8? {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            default: nil
            }
        }

        var text: String {
            let bytes = [low, high].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private struct Slot {
        var key = Key.none
        var files: Int64 = 0
        var bytes: Int64 = 0
    }

    private var none = Slot()
    private var slots = [Slot](repeating: Slot(), count: 256)
    private var used = 0

    mutating func count(_ name: UnsafeRawBufferPointer, bytes: Int64) { add(Key(name: name), files: 1, bytes: bytes) }

    mutating func merge(_ other: ExtensionTable) {
        for slot in other.all { add(slot.key, files: slot.files, bytes: slot.bytes) }
    }

    /// By bytes, then extension.
    var ranked: [ExtensionCount] {
        all.map { ExtensionCount(fileExtension: $0.key.text, files: $0.files, apparentBytes: $0.bytes) }
            .sorted { ($1.apparentBytes, $0.fileExtension) < ($0.apparentBytes, $1.fileExtension) }
    }

    private var all: [Slot] { ([none] + slots).filter { $0.files > 0 } }

    private mutating func add(_ key: Key, files: Int64, bytes: Int64) {
        if key == .none {
            none.files.addSaturating(files)
            none.bytes.addSaturating(bytes)
            return
        }
        let index = find(key)
        if slots[index].files == 0 {
            slots[index].key = key
            used += 1
        }
        slots[index].files.addSaturating(files)
        slots[index].bytes.addSaturating(bytes)
        if used * 2 > slots.count { grow() }
    }

    private func find(_ key: Key) -> Int {
        var hash = (key.low ^ key.high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash >> 32
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[index].files > 0, slots[index].key != key { index = (index + 1) & (slots.count - 1) }
        return index
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(), count: old.count * 2)
        for slot in old where slot.files > 0 { slots[find(slot.key)] = slot }
    }
}

extension ExtensionTable.Key {
    static let none = ExtensionTable.Key()
    private init() {}
}
