/// A size on the command line: bytes, or a number with a unit, as `10M`, `1.5G`, `1KiB` (powers of 1024) or `10MB`
/// (powers of 1000), as the coreutils take them.
enum SizeArgument {
    static let description = "bytes, or a number with K, M, G, T, P (powers of 1024), KB, MB, ... (powers of 1000)"

    private static let letters = Array("KMGTPE".utf8)

    /// Rounded down to bytes; sizes too large for 64 bits become the largest number.
    ///
    /// - Returns: nil if it is not a size.
    static func bytes(_ argument: [UInt8]) -> Int64? {
        var rest = argument[...]
        func digits() -> ArraySlice<UInt8> {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            return digits
        }
        let whole = digits()
        var fraction: ArraySlice<UInt8>?
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = digits()
        }
        guard !whole.isEmpty, fraction?.isEmpty != true, let unit = unit(rest) else { return nil }
        // A byte has no fractions.
        if fraction != nil, unit == 1 { return nil }
        var sum = product(number(whole), unit)
        if let fraction {
            // 18 digits are more than any unit resolves: 2^60 is about 10^18.
            let used = fraction.prefix(18)
            let (high, low) = number(used).multipliedFullWidth(by: unit)
            let scale = used.reduce(UInt64(1)) { scale, _ in scale * 10 }
            sum = adding(sum, scale.dividingFullWidth((high, low)).quotient)
        }
        return Int64(clamping: sum)
    }

    /// As many bytes as the unit stands for.
    private static func unit(_ text: ArraySlice<UInt8>) -> UInt64? {
        // Letters of either case.
        let text = text.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }
        guard let letter = text.first else { return 1 }
        guard let power = letters.firstIndex(of: letter) else { return nil }
        let base: UInt64
        switch Array(text.dropFirst()) {
        case [], Array("IB".utf8): base = 1024
        case Array("B".utf8): base = 1000
        default: return nil
        }
        return (0...power).reduce(1) { size, _ in size * base }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64 {
        digits.reduce(0) { value, digit in adding(product(value, 10), UInt64(digit - 0x30)) }
    }

    private static func product(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        return overflow ? .max : product
    }

    private static func adding(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}
