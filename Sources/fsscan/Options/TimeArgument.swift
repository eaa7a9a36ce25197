import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// A time on the command line: a day, or RFC 3339 in UTC with any number of decimals, or `@` and seconds since 1970.
enum TimeArgument {
    static let description = "2026-11-29, 2026-11-29T18:30:00Z, or @ and seconds since 1970"

    /// - Returns: nil if it is not a time in the years 0000 to 9999. Decimals after the ninth are cut.
    static func time(_ text: [UInt8]) -> FileTime? {
        if text.first == UInt8(ascii: "@") {
            let (whole, decimals) = split(text.dropFirst())
            let isNegative = whole.first == UInt8(ascii: "-")
            guard let nanoseconds = nanoseconds(decimals),
                let magnitude = number(isNegative ? whole.dropFirst() : whole)
            else { return nil }
            // Nanoseconds count forwards: -1.25 is 0.75 after -2.
            let isBehind = isNegative && nanoseconds > 0
            return checked(
                (isNegative ? -magnitude : magnitude) - (isBehind ? 1 : 0),
                isBehind ? 1_000_000_000 - nanoseconds : nanoseconds)
        }
        if text.count == 10 { return parsed(text + Array("T00:00:00".utf8), decimals: nil) }
        guard text.last == UInt8(ascii: "Z") else { return nil }
        let (whole, decimals) = split(text.dropLast())
        return parsed(Array(whole), decimals: decimals)
    }

    private static func parsed(_ whole: [UInt8], decimals: ArraySlice<UInt8>?) -> FileTime? {
        guard let nanoseconds = nanoseconds(decimals),
            let time = Timestamp.parsed(whole + Array(".000000000Z".utf8))
        else { return nil }
        return checked(time.seconds, nanoseconds)
    }

    private static func checked(_ seconds: Int64, _ nanoseconds: Int64) -> FileTime? {
        guard Timestamp.rfc3339(seconds: seconds, nanoseconds: nanoseconds) != nil else { return nil }
        return FileTime(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// The parts before and after the point, if there is one.
    private static func split(_ text: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, ArraySlice<UInt8>?) {
        guard let point = text.firstIndex(of: UInt8(ascii: ".")) else { return (text, nil) }
        return (text[..<point], text[(point + 1)...])
    }

    private static func nanoseconds(_ decimals: ArraySlice<UInt8>?) -> Int64? {
        guard let decimals else { return 0 }
        guard !decimals.isEmpty, decimals.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let digits = decimals.prefix(9)
        return number(digits + [UInt8](repeating: UInt8(ascii: "0"), count: 9 - digits.count))
    }

    /// Only digits, few enough to be far from overflow.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard (1...15).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { 10 * $0 + Int64($1 - 0x30) }
    }
}
