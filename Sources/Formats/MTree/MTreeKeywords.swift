import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// The keywords of one mtree entry, or of `/set`.
struct MTreeKeywords {
    /// Keywords that describe an entry. There are few, so those of `/set` can be copied for each entry.
    private(set) var values: [String: ArraySlice<UInt8>] = [:]
    private(set) var rules: EntryRules = []
    /// Keywords that this program cannot check.
    private(set) var unknown: Set<String> = []

    private static let digests: [String: DigestAlgorithm] = Dictionary(
        uniqueKeysWithValues: DigestAlgorithm.allCases.filter { $0.traits.contains(.inMTree) }.map { ($0.rawValue, $0) }
    )

    private static let kinds: [String: EntryKind] = Dictionary(
        uniqueKeysWithValues: EntryKind.allCases.map { ($0.mtreeName, $0) })

    private static let known = Set(
        [
            "type", "size", "uid", "gid", "uname", "gname", "nlink", "inode", "time", "flags", "mode", "link", "device",
            "resdevice",
        ] + digests.keys)

    private static let ruleNames: [String: EntryRules] = [
        "optional": .optional, "ignore": .ignore, "nochange": .noChange,
    ]

    /// These do not describe the entry: they are for output, or tell libarchive where to find its contents.
    private static let meaningless: Set<String> = ["tags", "content", "contents"]

    /// Digests that directories never have: those of mtree that this program may not support.
    private static let unknownDigests: Set<String> = [
        "cksum", "sha384", "sha384digest", "rmd160", "rmd160digest", "ripemd160digest",
    ]

    /// Synonyms: the later one replaces the other.
    private static let synonyms: [String: String] = ["uid": "uname", "uname": "uid", "gid": "gname", "gname": "gid"]

    /// Takes `keyword=value`, or a keyword alone.
    mutating func set(_ word: ArraySlice<UInt8>) {
        let parts = word.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        let name = Self.name(parts[0])
        if Self.known.contains(name) {
            values[name] = parts.count > 1 ? parts[1] : []
            if let other = Self.synonyms[name] { values[other] = nil }
        } else if let rule = Self.ruleNames[name] {
            rules.insert(rule)
        } else if !Self.meaningless.contains(name) {
            unknown.insert(name)
        }
    }

    mutating func unset(_ name: String) {
        values[name] = nil
        if let rule = Self.ruleNames[name] { rules.remove(rule) }
    }

    /// `md5digest` is `md5`; unknown keywords keep their names.
    static func name(_ bytes: ArraySlice<UInt8>) -> String {
        let name = UncheckableCounts.name(bytes)
        guard name.hasSuffix("digest") else { return name }
        let short = String(name.dropLast(6))
        return digests[short] == nil ? name : short
    }

    /// Takes over others, which win. Unknown ones are left to the caller.
    mutating func take(_ others: MTreeKeywords) {
        for (name, value) in others.values {
            values[name] = value
            if let other = Self.synonyms[name] { values[other] = nil }
        }
        rules.formUnion(others.rules)
    }

    // MARK: Fields

    /// A keyword with an invalid value.
    struct BadKeyword: Error {
        var name: String
    }

    /// Fills in the values of the keywords.
    ///
    /// - Parameter own: those of the entry itself, unknown ones included.
    /// - Returns: known keywords whose value this program cannot check.
    func fill(
        _ entry: inout SnapshotEntry, own: MTreeKeywords, _ system: inout MTreeSystem
    ) throws(BadKeyword) -> [String] {
        var uncheckable: [String] = []
        entry.rules = rules
        entry.kind = try kind(entry.key, own)
        entry.size = try number("size")
        entry.uid = try number("uid")
        entry.gid = try number("gid")
        entry.links = try number("nlink")
        entry.inode = try number("inode")
        entry.mtime = try time()
        if let name = values["uname"] {
            entry.uid = system.user(try decoded("uname", name))
            if entry.uid == nil { uncheckable.append("uname") }
        }
        if let name = values["gname"] {
            entry.gid = system.group(try decoded("gname", name))
            if entry.gid == nil { uncheckable.append("gname") }
        }
        if let names = values["flags"] {
            let (flags, isWhole) = Self.flags(names)
            entry.flags = flags
            if !isWhole { uncheckable.append("flags") }
        }
        if let mode = values["mode"] {
            guard let bits = SymbolicMode.bits(mode, umask: { system.umask }) else { throw BadKeyword(name: "mode") }
            entry.mode = bits
        }
        if entry.kind == .symlink, let link = values["link"] { entry.target = try decoded("link", link) }
        if entry.kind == .blockDevice || entry.kind == .characterDevice {
            entry.specialDevice = try device("device", &uncheckable)
        }
        entry.device = try device("resdevice", &uncheckable)
        if entry.kind == .file { entry.digests = try digests() }
        return uncheckable
    }

    private func kind(_ key: EntryKey, _ own: MTreeKeywords) throws(BadKeyword) -> EntryKind? {
        if let type = text("type") {
            guard let kind = Self.kinds[type] else { throw BadKeyword(name: "type") }
            return kind
        }
        // FreeBSD's programs omit the type of the root.
        if key.isRoot { return .directory }
        if describesFile || !own.unknown.isDisjoint(with: Self.unknownDigests) { return .file }
        // An entry without a kind could not be compared.
        guard values.isEmpty, own.unknown.isEmpty, rules.isEmpty else { throw BadKeyword(name: "type") }
        return nil
    }

    /// Whether it has keywords that only files have: libarchive can be told to omit the type.
    private var describesFile: Bool {
        values["link"] == nil && values["device"] == nil
            && (values["size"] != nil || Self.digests.keys.contains { values[$0] != nil })
    }

    private func text(_ name: String) -> String? { values[name].map { String(decoding: $0, as: UTF8.self) } }

    private func decoded(_ name: String, _ value: ArraySlice<UInt8>) throws(BadKeyword) -> [UInt8] {
        guard let bytes = Vis.decoded(value), !bytes.contains(0) else { throw BadKeyword(name: name) }
        return bytes
    }

    private func number<Value: FixedWidthInteger>(_ name: String) throws(BadKeyword) -> Value? {
        guard let text = text(name) else { return nil }
        guard let value = Value(text), value >= 0 else { throw BadKeyword(name: name) }
        return value
    }

    private func digests() throws(BadKeyword) -> EntryDigests {
        var digests = EntryDigests()
        for (name, algorithm) in Self.digests {
            guard var hex = values[name] else { continue }
            if hex.starts(with: Array("0x".utf8)) { hex = hex.dropFirst(2) }
            guard let digest = bytes(ofHex: hex), digest.count == algorithm.byteCount else {
                throw BadKeyword(name: name)
            }
            digests[algorithm] = digest
        }
        return digests
    }

    /// Seconds, then a dot and nanoseconds as a plain number: mtree programs read it this way.
    private func time() throws(BadKeyword) -> FileTime? {
        guard let parts = text("time")?.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false) else {
            return nil
        }
        guard let seconds = Int64(parts[0]), let nanoseconds = parts.count > 1 ? Int64(parts[1]) : 0,
            (0..<1_000_000_000).contains(nanoseconds)
        else { throw BadKeyword(name: "time") }
        return FileTime(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// Names of BSD. Flags that Linux does not have, or that `statx(2)` does not report, cannot be checked. The absence
    /// of such a flag means nothing.
    private static func flags(_ names: ArraySlice<UInt8>) -> (flags: InodeFlags, isWhole: Bool) {
        var (flags, isWhole) = (InodeFlags(), true)
        for name in String(decoding: names, as: UTF8.self).split(separator: ",") {
            switch name {
            case "schg", "schange", "simmutable": flags.insert(.immutable)
            case "sappnd", "sappend": flags.insert(.appendOnly)
            case "noschg", "noschange", "nosimmutable": flags.remove(.immutable)
            case "nosappnd", "nosappend": flags.remove(.appendOnly)
            case "none": break
            // A flag whose name begins with "no": do not dump.
            case "nodump": isWhole = false
            default: if !name.hasPrefix("no") { isWhole = false }
            }
        }
        return (flags, isWhole)
    }

    /// `0x103`, or `format,major,minor` of a format with the numbering of Linux.
    private func device(_ name: String, _ uncheckable: inout [String]) throws(BadKeyword) -> UInt64? {
        guard let parts = text(name)?.split(separator: ",", omittingEmptySubsequences: false) else { return nil }
        func number<Value: FixedWidthInteger>(_ text: Substring) throws(BadKeyword) -> Value {
            guard let value: Value = Self.cNumber(text) else { throw BadKeyword(name: name) }
            return value
        }
        if parts.count == 1 { return try number(parts[0]) }
        guard parts[0] == "native" || parts[0] == "linux", parts.count == 3 else {
            uncheckable.append(name)
            return nil
        }
        return FileStatus.deviceNumber(major: try number(parts[1]), minor: try number(parts[2]))
    }

    /// As `strtoul(3)` reads it: hexadecimal, octal or decimal.
    private static func cNumber<Value: FixedWidthInteger>(_ text: Substring) -> Value? {
        if text.hasPrefix("0x") { return Value(text.dropFirst(2), radix: 16) }
        return text.first == "0" ? Value(text, radix: 8) : Value(text)
    }
}
