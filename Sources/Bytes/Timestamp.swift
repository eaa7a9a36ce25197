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

/// Writes times one after the other, and caches the text of the last seconds: the times of one entry, and of the
/// entries of one directory, often share them. The cache has several texts because an entry has several times: with a
/// single one, its mtime would evict the ctime that the next entry shares.
package struct TimestampFormatter {
    /// By the lowest bits of the second.
    private var known: [16 of Second] = .init(repeating: Second())

    /// `2025-07-01T09:30:00.`, 20 bytes in three words.
    private struct Second {
        var second = Int64.min
        var first: UInt64 = 0
        var middle: UInt64 = 0
        var last: UInt32 = 0
    }

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
        let slot = Int(truncatingIfNeeded: seconds & 15)
        if known[slot].second != seconds { known[slot] = Self.text(of: seconds) }
        let text = known[slot]
        buffer.appendUnchecked(atMost: 30) { target in
            target.storeBytes(of: text.first, as: UInt64.self)
            target.storeBytes(of: text.middle, toByteOffset: 8, as: UInt64.self)
            target.storeBytes(of: text.last, toByteOffset: 16, as: UInt32.self)
            DecimalDigits.write(UInt64(truncatingIfNeeded: nanoseconds), 9, to: target + 20)
            target.storeBytes(of: UInt8(ascii: "Z"), toByteOffset: 29, as: UInt8.self)
            return 30
        }
    }

    private static func text(of seconds: Int64) -> Second {
        let secondOfDay = floorRemainder(seconds, 86_400)
        let date = civil(daysSinceEpoch: (seconds - secondOfDay) / 86_400)
        return withUnsafeTemporaryAllocation(byteCount: 20, alignment: 8) { text in
            let start = text.baseAddress!
            func write(_ value: Int64, _ place: Int, before separator: StaticString) {
                DecimalDigits.writePair(UInt32(truncatingIfNeeded: value), to: start + place)
                text[place + 2] = separator.utf8Start.pointee
            }
            write(date.year / 100, 0, before: "-")
            write(date.year % 100, 2, before: "-")
            write(date.month, 5, before: "-")
            write(date.day, 8, before: "T")
            write(secondOfDay / 3600, 11, before: ":")
            write(secondOfDay / 60 % 60, 14, before: ":")
            write(secondOfDay % 60, 17, before: ".")
            return Second(
                second: seconds, first: start.load(as: UInt64.self),
                middle: start.load(fromByteOffset: 8, as: UInt64.self),
                last: start.load(fromByteOffset: 16, as: UInt32.self))
        }
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
