/// Modes as mtree writes them: octal digits, or symbolic modes of chmod applied to mode 0. The corresponding library
/// calls are `setmode(3)` and `getmode(3)` of BSD.
enum SymbolicMode {
    private static let all: UInt32 = 0o6777
    private static let sticky: UInt32 = 0o1000

    /// The permission bits; nil if the text is not a mode.
    ///
    /// - Parameter umask: restricts clauses that do not name a class: `=rw`.
    static func bits(_ text: some Collection<UInt8>, umask: () -> UInt32) -> UInt32? {
        guard let first = text.first else { return nil }
        if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) {
            guard let bits = UInt32(String(decoding: text, as: UTF8.self), radix: 8), bits <= 0o7777 else { return nil }
            return bits
        }
        var mode: UInt32 = 0
        for clause in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            guard apply(Array(clause)[...], to: &mode, umask) else { return nil }
        }
        return mode
    }

    /// `who…op perm…op perm…`
    private static func apply(_ clause: ArraySlice<UInt8>, to mode: inout UInt32, _ umask: () -> UInt32) -> Bool {
        var rest = clause
        var who: UInt32 = 0
        while let byte = rest.first, let named = named(byte) {
            who |= named
            rest.removeFirst()
        }
        guard !rest.isEmpty else { return false }
        while let action = rest.popFirst() {
            guard [UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "=")].contains(action) else { return false }
            operate(action, &who, &rest, &mode, umask)
        }
        return true
    }

    private static func named(_ who: UInt8) -> UInt32? {
        switch who {
        case UInt8(ascii: "a"): all
        case UInt8(ascii: "u"): 0o4700
        case UInt8(ascii: "g"): 0o2070
        case UInt8(ascii: "o"): 0o0007
        default: nil
        }
    }

    /// One operator and its permissions. Those of another class (`g=u`) are copied as they are at that point, after
    /// everything before it.
    private static func operate(
        _ action: UInt8, _ who: inout UInt32, _ rest: inout ArraySlice<UInt8>, _ mode: inout UInt32,
        _ umask: () -> UInt32
    ) {
        var permissions: UInt32 = 0
        var isAssigned = false
        who &= ~sticky
        func flush() {
            let affected = who == 0 ? ~umask() & 0o7777 : who
            if action == UInt8(ascii: "=") { mode &= ~(who == 0 ? all : who) }
            if action == UInt8(ascii: "-") { mode &= ~(affected & permissions) } else { mode |= affected & permissions }
            permissions = 0
        }
        while let byte = rest.first {
            let isForOthersAlone = who != 0 && who & ~0o007 == 0
            switch byte {
            case UInt8(ascii: "r"): permissions |= 0o444
            case UInt8(ascii: "w"): permissions |= 0o222
            case UInt8(ascii: "x"): permissions |= 0o111
            // Execution only if it is already set: it never is.
            case UInt8(ascii: "X"): break
            case UInt8(ascii: "s"): if !isForOthersAlone { permissions |= 0o6000 }
            case UInt8(ascii: "t"):
                if !isForOthersAlone {
                    who |= sticky
                    permissions |= sticky
                }
            case UInt8(ascii: "u"), UInt8(ascii: "g"), UInt8(ascii: "o"):
                if permissions != 0 { flush() }
                copy(from: byte, action, who, &mode, umask)
                isAssigned = true
            default:
                if permissions != 0 || !isAssigned { flush() }
                return
            }
            rest.removeFirst()
        }
        if permissions != 0 || !isAssigned { flush() }
    }

    private static func copy(
        from source: UInt8, _ action: UInt8, _ who: UInt32, _ mode: inout UInt32, _ umask: () -> UInt32
    ) {
        let shift: UInt32 = source == UInt8(ascii: "u") ? 6 : source == UInt8(ascii: "g") ? 3 : 0
        let copied = mode >> shift & 0o7
        let affected = who == 0 ? ~umask() & 0o777 : who & 0o777
        let bits = (copied << 6 | copied << 3 | copied) & affected
        switch action {
        case UInt8(ascii: "-"): mode &= ~bits
        case UInt8(ascii: "="): mode = mode & ~affected | bits
        default: mode |= bits
        }
    }
}
