/// RFC 3339 times in UTC with nine decimals, without a calendar library.
package enum Timestamp {
    /// `2025-07-01T09:30:00.000000000Z`; nil outside the years 0000 to 9999, which RFC 3339 cannot write.
    ///
    /// `nanoseconds` is the part of a second, 0 to 999,999,999, counted forwards also before 1970, as in `statx(2)`.
    package static func rfc3339(seconds: Int64, nanoseconds: Int64) -> String? {
        guard TimestampFormatter.covers(seconds: seconds, nanoseconds: nanoseconds) else { return nil }
        var formatter = TimestampFormatter()
        var buffer = ByteBuffer(capacity: 64)
        formatter.append(seconds: seconds, nanoseconds: nanoseconds, to: &buffer)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    /// The time that `rfc3339` wrote; nil for anything else.
    package static func parsed(_ text: [UInt8]) -> (seconds: Int64, nanoseconds: Int64)? {
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for byte in text[range] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = 10 * value + Int64(byte - 0x30)
            }
            return value
        }
        guard text.count == 30, let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let nanoseconds = number(20..<29), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        // Years start in March, as in `TimestampFormatter.civil`, whose inverse this is.
        let marchYear = (month <= 2 ? year - 1 : year) + 400
        let (era, yearOfEra) = (marchYear / 400, marchYear % 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let seconds = ((era - 1) * 146_097 + dayOfEra - 719_468) * 86_400 + hour * 3600 + minute * 60 + second
        // The separators, and days that the month does not have.
        guard rfc3339(seconds: seconds, nanoseconds: nanoseconds)?.utf8.elementsEqual(text) == true else { return nil }
        return (seconds, nanoseconds)
    }
}

/// Writes times one after the other, and remembers the text of the last second: the times of one entry, and of the
/// entries of one directory, often share it.
package struct TimestampFormatter {
    private var second: Int64 = .min
    /// `2025-07-01T09:30:00.` of `second`.
    private var text: [20 of UInt8] = .init(repeating: UInt8(ascii: "0"))

    package init() {}

    /// Whether the time is in the years 0000 to 9999, and its nanoseconds are less than a second.
    package static func covers(seconds: Int64, nanoseconds: Int64) -> Bool {
        // 0000-01-01T00:00:00Z and the last second of 9999.
        (-62_167_219_200...253_402_300_799).contains(seconds) && (0..<1_000_000_000).contains(nanoseconds)
    }

    /// Appends the time as `Timestamp.rfc3339` gives it.
    ///
    /// - Precondition: `covers` it.
    package mutating func append(seconds: Int64, nanoseconds: Int64, to buffer: inout ByteBuffer) {
        precondition(Self.covers(seconds: seconds, nanoseconds: nanoseconds), "RFC 3339 has four digits for the year")
        if seconds != second { format(seconds) }
        buffer.appendUnchecked(atMost: 30) { target in
            // 20 bytes of text, 9 digits from the last to the first, and a Z: 30.
            for index in 0..<20 { target.storeBytes(of: text[index], toByteOffset: index, as: UInt8.self) }
            var rest = UInt32(nanoseconds)
            for index in stride(from: 28, through: 20, by: -1) {
                let digit = UInt8(truncatingIfNeeded: rest % 10)
                target.storeBytes(of: UInt8(ascii: "0") &+ digit, toByteOffset: index, as: UInt8.self)
                rest /= 10
            }
            target.storeBytes(of: UInt8(ascii: "Z"), toByteOffset: 29, as: UInt8.self)
            return 30
        }
    }

    private mutating func format(_ seconds: Int64) {
        let secondOfDay = Self.floorRemainder(seconds, 86_400)
        let date = Self.civil(daysSinceEpoch: (seconds - secondOfDay) / 86_400)
        writePair(date.year / 100, at: 0)
        writePair(date.year % 100, at: 2)
        text[4] = UInt8(ascii: "-")
        writePair(date.month, at: 5)
        text[7] = UInt8(ascii: "-")
        writePair(date.day, at: 8)
        text[10] = UInt8(ascii: "T")
        writePair(secondOfDay / 3600, at: 11)
        text[13] = UInt8(ascii: ":")
        writePair(secondOfDay / 60 % 60, at: 14)
        text[16] = UInt8(ascii: ":")
        writePair(secondOfDay % 60, at: 17)
        text[19] = UInt8(ascii: ".")
        second = seconds
    }

    /// Two digits of a number from 0 to 99.
    private mutating func writePair(_ value: Int64, at index: Int) {
        text[index] = UInt8(ascii: "0") + UInt8(value / 10)
        text[index + 1] = UInt8(ascii: "0") + UInt8(value % 10)
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
