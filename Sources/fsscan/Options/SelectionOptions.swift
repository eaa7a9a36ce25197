internal import ArgumentParser
import Entries
import LinuxKernel

/// Which entries are listed: shared by `scan` and `diff`, with the names of find and fd.
struct SelectionOptions: ParsableArguments {
    @Option(
        name: .customLong("type"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            """
            List entries of these kinds: f (regular file), d (directory), l (symbolic link), p (FIFO), s (socket), b \
            and c (devices).
            """, valueName: "KIND[,KIND]"),
        completion: .list(letters.map { String($0.letter) }))
    var kinds: [CarriedArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("List entries whose name matches, as find -name; repeatable.", valueName: "GLOB"))
    var name: [CarriedArgument] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("List regular files of at least this size: \(SizeArgument.description).", valueName: "SIZE"))
    var minSize: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("List regular files of at most this size.", valueName: "SIZE"))
    var maxSize: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "List entries modified longer ago than this, or before: \(AgeArgument.description).", valueName: "AGE"))
    var older: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("List entries modified more recently than this, or after.", valueName: "AGE"))
    var newer: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("List entries owned by this user: a name or uid.", valueName: "USER"))
    var owner: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("List entries owned by this group: a name or gid.", valueName: "GROUP"))
    var group: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("List entries with N hard links, more than N (+N) or fewer (-N).", valueName: "N"))
    var links: CarriedArgument?

    fileprivate static let letters: [(letter: Character, kind: EntryKind)] = [
        ("f", .file), ("d", .directory), ("l", .symlink), ("p", .fifo), ("s", .socket), ("b", .blockDevice),
        ("c", .characterDevice),
    ]
}

extension SelectionOptions {
    /// The options that were given, for messages.
    var given: [String] {
        let all: [(String, Bool)] = [
            ("--type", !kinds.isEmpty), ("--name", !name.isEmpty), ("--min-size", minSize != nil),
            ("--max-size", maxSize != nil), ("--older", older != nil), ("--newer", newer != nil),
            ("--owner", owner != nil), ("--group", group != nil), ("--links", links != nil),
        ]
        return all.filter(\.1).map(\.0)
    }

    func selection() throws(UsageError) -> Selection {
        var selection = Selection()
        if !kinds.isEmpty { selection.kinds = try Self.kinds(kinds) }
        selection.names = name.map(\.bytes)
        let (lower, upper) = (
            try ScanSettings.size("--min-size", minSize), try ScanSettings.size("--max-size", maxSize)
        )
        if let lower, let upper, lower > upper { throw UsageError("--min-size is more than --max-size") }
        if lower != nil || upper != nil { selection.sizes = Selection.Bounds(lower ?? 0, upper ?? .max) }
        selection.older = try Self.moment("--older", older)
        selection.newer = try Self.moment("--newer", newer)
        selection.user = try Self.account("--owner", owner, "user", Accounts.userID)
        selection.group = try Self.account("--group", group, "group", Accounts.groupID)
        if let links { selection.links = try Self.links(links) }
        return selection
    }

    private static func kinds(_ values: [CarriedArgument]) throws(UsageError) -> KindSet {
        var kinds: KindSet = []
        for value in values {
            for name in value.carried.split(separator: ",", omittingEmptySubsequences: false) {
                guard let known = letters.first(where: { String($0.letter) == name }) else {
                    let all = letters.map { String($0.letter) }.joined(separator: " ")
                    throw UsageError("--type", CarriedArgument(carried: String(name)), "is not one of \(all)")
                }
                kinds.insert(KindSet(known.kind))
            }
        }
        return kinds
    }

    private static func moment(
        _ option: String, _ value: CarriedArgument?
    ) throws(UsageError) -> Selection.Moment? {
        try ScanSettings.value(option, value, "time or age", AgeArgument.description, AgeArgument.moment)
    }

    /// As a name first, like find: a name may consist of digits.
    private static func account(
        _ option: String, _ value: CarriedArgument?, _ noun: String, _ number: (String) -> UInt32?
    ) throws(UsageError) -> UInt32? {
        guard let value else { return nil }
        let text = String(decoding: value.bytes, as: UTF8.self)
        let isName = text.utf8.elementsEqual(value.bytes) && !value.bytes.contains(0)
        if isName, let known = number(text) { return known }
        let digits = value.bytes.filter { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, digits.count == value.bytes.count, let known = UInt32(text) else {
            throw UsageError(option, value, "is not a \(noun) of this system, and not a number")
        }
        return known
    }

    private static func links(_ value: CarriedArgument) throws(UsageError) -> Selection.Bounds {
        let sign = value.bytes.first.flatMap { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") ? $0 : nil }
        let digits = value.bytes.dropFirst(sign == nil ? 0 : 1)
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }), (1...10).contains(digits.count),
            let number = Int64(String(decoding: digits, as: UTF8.self))
        else { throw UsageError("--links", value, "is not N, +N or -N") }
        switch sign {
        case UInt8(ascii: "+"): return Selection.Bounds(number + 1, .max)
        case UInt8(ascii: "-"):
            if number == 0 { throw UsageError("--links", value, "selects nothing: no entry has fewer than 0 links") }
            return Selection.Bounds(0, number - 1)
        default: return Selection.Bounds(number, number)
        }
    }
}

/// An age on the command line, such as `30d`, or a time.
enum AgeArgument {
    static let description = "30d, 2w, 6m (of 30 days), 1y (of 365), or a time as for --now"

    private static let days: [UInt8: Int64] = [
        UInt8(ascii: "d"): 1, UInt8(ascii: "w"): 7, UInt8(ascii: "m"): 30, UInt8(ascii: "y"): 365,
    ]

    /// - Returns: nil if it is neither.
    static func moment(_ text: [UInt8]) -> Selection.Moment? {
        guard let unit = text.last.flatMap({ days[$0] }) else { return TimeArgument.time(text).map { .at($0) } }
        let digits = text.dropLast()
        guard (1...7).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return .ago(digits.reduce(0) { 10 * $0 + Int64($1 - 0x30) } * unit * 86_400)
    }
}
