/// RFC 3339 times in UTC with nine decimals, without a calendar library.
package enum Timestamp {
    /// `2025-07-01T09:30:00.000000000Z`; nil outside the years 0000 to 9999, which RFC 3339 cannot write.
    ///
    /// `nanoseconds` is the part of a second, 0 to 999,999,999, counted forwards also before 1970, as in `statx(2)`.
    package static func rfc3339(seconds: Int64, nanoseconds: Int64) -> String? {
        // 0000-01-01T00:00:00Z and the last second of 9999.
        guard (-62_167_219_200...253_402_300_799).contains(seconds), (0..<1_000_000_000).contains(nanoseconds) else {
            return nil
        }
        let date = civil(daysSinceEpoch: (seconds - floorRemainder(seconds, 86_400)) / 86_400)
        let second = floorRemainder(seconds, 86_400)
        var buffer = ByteBuffer(capacity: 64)
        buffer.append(decimal: UInt64(date.year), width: 4)
        for (separator, value): (StaticString, Int64) in [
            ("-", date.month), ("-", date.day), ("T", second / 3600), (":", second / 60 % 60), (":", second % 60),
        ] {
            buffer.append(separator)
            buffer.append(decimal: UInt64(value), width: 2)
        }
        buffer.append(".")
        buffer.append(decimal: UInt64(nanoseconds), width: 9)
        buffer.append("Z")
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    /// Proleptic Gregorian date. Years start in March, so that the leap day is the last of its year; 400 years are
    /// 146,097 days. (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.)
    private static func civil(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = daysSinceEpoch + 719_468
        let dayOfEra = floorRemainder(days, 146_097)
        let era = (days - dayOfEra) / 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func floorRemainder(_ value: Int64, _ divisor: Int64) -> Int64 {
        let remainder = value % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
