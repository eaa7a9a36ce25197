/// A span of time on the command line: `90`, `90s`, `1.5m`, `2h`, `1d`.
enum DurationArgument {
    static let description = "seconds, or a number with s, m, h, d"

    /// - Returns: seconds, more than 0; nil for anything else.
    static func seconds(_ text: [UInt8]) -> Double? {
        let units: [UInt8: Double] = [
            UInt8(ascii: "s"): 1, UInt8(ascii: "m"): 60, UInt8(ascii: "h"): 3600, UInt8(ascii: "d"): 86_400,
        ]
        let unit = text.last.flatMap { units[$0] }
        let digits = unit == nil ? text[...] : text.dropLast()
        // Only digits and a point: Double() would also take "inf", "0x1p3" and "+1".
        guard digits.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }),
            let number = Double(String(decoding: digits, as: UTF8.self)), number > 0, number < 1e9
        else { return nil }
        return number * (unit ?? 1)
    }
}
