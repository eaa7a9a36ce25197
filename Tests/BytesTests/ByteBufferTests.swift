import Bytes
import Testing

@Suite struct ByteBufferTests {
    private func text(_ body: (inout ByteBuffer) -> Void) -> String {
        var buffer = ByteBuffer(capacity: 64)
        body(&buffer)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    /// Numbers on both sides of each power of ten, and those of all sizes.
    @Test func numbersAreWrittenAsSwiftWritesThem() {
        var numbers: [UInt64] = [0, .max]
        var power: UInt64 = 1
        for _ in 0..<20 {
            numbers += [power - 1, power, power + 1]
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        var generator = SystemRandomNumberGenerator()
        numbers += (0..<2000).map { _ in
            UInt64.random(in: 0...UInt64.max >> UInt64.random(in: 0..<64), using: &generator)
        }
        for number in numbers {
            #expect(text { $0.append(decimal: number) } == "\(number)")
            let signed = Int64(bitPattern: number)
            #expect(text { $0.append(decimal: signed) } == "\(signed)")
            for width in [1, 2, 3, 9, 20, 25] {
                let digits = "\(number)"
                let zeros = String(repeating: "0", count: max(0, min(width, 20) - digits.count))
                #expect(text { $0.append(decimal: number, width: width) } == zeros + digits)
            }
        }
    }

    @Test func shortTextsOfEachLength() {
        for length in 0...16 {
            let short = String("0123456789abcdef".prefix(length))
            #expect(text { $0.append(ShortText(short)) } == short)
        }
    }
}
