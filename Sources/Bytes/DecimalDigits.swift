/// Decimal digits, written two at a time: half the divisions.
enum DecimalDigits {
    /// How many digits a number has, 1 to 20.
    static func count(_ value: UInt64) -> Int {
        // Nearly all numbers of an entry are small.
        if value < 10 { return 1 }
        if value < 100 { return 2 }
        if value < 1000 { return 3 }
        if value < 10_000 { return 4 }
        return 4 + count(value / 10_000)
    }

    /// Writes exactly `count` digits, with leading zeros; the number has no more.
    @inline(__always)
    static func write(_ value: UInt64, _ count: Int, to target: UnsafeMutableRawPointer) {
        var rest = value
        var place = count
        while place >= 2 {
            place &-= 2
            writePair(UInt32(truncatingIfNeeded: rest % 100), to: target + place)
            rest /= 100
        }
        if place == 1 {
            target.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10), as: UInt8.self)
        }
    }

    private static let pairs: StaticString = """
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """

    /// Two digits of a number from 0 to 99.
    @inline(__always)
    static func writePair(_ value: UInt32, to target: UnsafeMutableRawPointer) {
        precondition(value < 100, "a pair of digits is below 100")
        let digits = UnsafeRawPointer(pairs.utf8Start).loadUnaligned(fromByteOffset: Int(value) &* 2, as: UInt16.self)
        target.storeBytes(of: digits, as: UInt16.self)
    }
}
