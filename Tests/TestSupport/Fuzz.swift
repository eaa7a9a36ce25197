/// Names that a hostile or a careless program would choose; the same ones in every run.
package enum Fuzz {
    package static func names(_ count: Int) -> [[UInt8]] {
        // SplitMix64.
        var state: UInt64 = 0x5CA9
        func next(_ bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return Int((mixed ^ mixed >> 31) % UInt64(bound))
        }
        let pieces: [[UInt8]] = [
            Array("plain".utf8), Array("\"\\/".utf8), Array("é😀".utf8), Array("\u{2028}\u{202E}".utf8),
            [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xC0, 0x80], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xEF, 0xBF, 0xBD],
            [0xEF, 0xBF, 0xBF],
        ]
        return (0..<count).map { _ in
            (0..<next(12)).flatMap { _ in next(2) == 0 ? pieces[next(pieces.count)] : [UInt8(1 + next(255))] }
        }
    }
}
