/// Numbers for people. Programs read the JSON report.
enum HumanUnits {
    /// `512 B`, `1.5 KiB`, `4.6 GiB`: one decimal, rounded to the nearest.
    static func bytes(_ count: Int64, _ units: ByteUnits = .binary) -> String {
        guard let base = units.base else { return "\(self.count(count)) B" }
        if count < Int64(base) { return "\(count) B" }
        var unitSize: UInt64 = 1
        for unit in units.names {
            unitSize *= base
            // 10^19 is less than 2^64: the quotient and the remainder are scaled separately.
            let (quotient, remainder) = UInt64(count).quotientAndRemainder(dividingBy: unitSize)
            let tenths = quotient * 10 + (remainder * 10 + unitSize / 2) / unitSize
            // 1023.96 KiB is 1.0 MiB, not 1024.0 KiB.
            if tenths < 10 * base || unit == units.names.last { return "\(tenths / 10).\(tenths % 10) \(unit)" }
        }
        preconditionFailure("no unit is large enough")
    }

    /// `1,234,567`
    static func count(_ count: Int64) -> String {
        var digits = Array(String(count.magnitude).utf8)
        var index = digits.count - 3
        while index > 0 {
            digits.insert(UInt8(ascii: ","), at: index)
            index -= 3
        }
        return (count < 0 ? "-" : "") + String(decoding: digits, as: UTF8.self)
    }

    /// `1 file`, `2 files`
    static func count(_ count: Int64, _ singular: String, _ plural: String) -> String {
        "\(Self.count(count)) \(count == 1 ? singular : plural)"
    }

    /// `0.021 s`, `12.3 s`, `4 min 12 s`
    static func seconds(_ seconds: Double) -> String {
        let milliseconds = Int64(max(0, seconds) * 1000 + 0.5)
        if milliseconds < 1000 { return "0.\(String(1000 + milliseconds).dropFirst()) s" }
        if milliseconds < 60_000 { return "\(milliseconds / 1000).\(milliseconds / 100 % 10) s" }
        return "\(milliseconds / 60_000) min \(milliseconds / 1000 % 60) s"
    }
}
