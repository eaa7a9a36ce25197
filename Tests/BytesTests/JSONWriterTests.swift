// The promise that other tools break: any name gives valid JSON, from which its exact bytes can be read back. Checked
// with Python and jq, independent programs.

import Bytes
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    /// Reads lines of {"hex": …, "name": …, "name_b64": …} and checks each against the bytes in `hex`.
    private static let python = """
        import base64, json, sys
        count = 0
        for line in sys.stdin.buffer:
            assert all(byte >= 32 or byte == 10 for byte in line) and b'\\x7f' not in line, line
            record = json.loads(line.decode('utf-8'))
            name = bytes.fromhex(record['hex'])
            assert record['name'] == name.decode('utf-8', 'replace'), line
            try:
                name.decode('utf-8')
                assert 'name_b64' not in record, line
            except UnicodeDecodeError:
                assert base64.b64decode(record['name_b64'], validate=True) == name, line
            count += 1
        print(count)
        """

    private func lines(_ names: [[UInt8]], layout: JSONWriter.Layout = .compact) -> [UInt8] {
        var writer = JSONWriter(layout: layout)
        for name in names {
            writer.beginObject()
            writer.member("hex", name.map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined())
            writer.member("name", bytes: name)
            writer.endObject()
            writer.endLine()
        }
        return Array(writer.buffer.bytes)
    }

    private func expectPythonReads(_ names: [[UInt8]], layout: JSONWriter.Layout = .compact) throws {
        let input = lines(names, layout: layout)
        let count = try output(of: ["python3", "-c", ByteString(Self.python)], ProcessOptions { $0.input = input })
        #expect(String(decoding: count, as: UTF8.self) == "\(names.count)\n")
    }

    @Test(arguments: [JSONWriter.Layout.compact, .readable])
    func pythonReadsEveryByteAndPairOfBytesBack(_ layout: JSONWriter.Layout) throws {
        // Alone, in a row that is longer than the eight bytes processed together, and at each place within those.
        var names: [[UInt8]] = []
        for byte in UInt8(1)...255 {
            names.append([byte])
            for place in 0..<9 {
                names.append([UInt8](repeating: 0x61, count: place) + [byte] + Array("tail".utf8))
            }
            for second in UInt8(0x7E)...0xC0 { names.append([byte, second, 0x61]) }
        }
        names.append(Array(1...255))
        names.append([])
        try expectPythonReads(names, layout: layout)
    }

    @Test func pythonReadsFuzzedNamesBack() throws { try expectPythonReads(Fuzz.names(20_000)) }

    @Test func jqReadsFuzzedNamesBack() throws {
        let names = Fuzz.names(3_000)
        let input = lines(names)
        let read = try output(of: ["jq", "-j", #".name + "\u0000""#], ProcessOptions { $0.input = input })
        let expected = names.map { Array(String(decoding: $0, as: UTF8.self).utf8) + [0] }.joined()
        #expect(read == Array(expected))
    }

    @Test func anIllFormedSequenceIsReplacedOnceForEachMaximalPart() {
        // The examples of the Unicode standard, table 3-8 and the paragraphs around it.
        let cases: [([UInt8], String)] = [
            (
                [0xC0, 0xAF, 0xE0, 0x80, 0xBF, 0xF0, 0x81, 0x82, 0x41],
                "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}A"
            ),
            (
                [0xED, 0xA0, 0x80, 0xED, 0xBF, 0xBF, 0xED, 0xAF, 0x41],
                "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}A"
            ),
            ([0xE1, 0x80, 0xE2, 0xF0, 0x91, 0x92, 0xF1, 0xBF, 0x41], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}A"),
        ]
        for (bytes, expected) in cases {
            var writer = JSONWriter(layout: .compact)
            bytes.withUnsafeBytes { _ = writer.appendEscaped($0) }
            #expect(String(decoding: writer.buffer.bytes, as: UTF8.self) == expected)
        }
    }

    @Test func charactersThatActOnATerminalAreEscaped() {
        var writer = JSONWriter(layout: .compact)
        writer.value("\u{1B}[31m\u{7F}\u{85}\u{202E}\u{2028}\u{1F600}é\"\\\n")
        #expect(
            String(decoding: writer.buffer.bytes, as: UTF8.self)
                == #""\u001b[31m\u007f\u0085\u202e\u2028😀é\"\\\n""#)
    }

    @Test func theLayoutIsOnePossibleLayout() {
        var writer = JSONWriter(layout: .readable)
        writer.beginObject(.onALineEach)
        writer.member("a", -1)
        writer.key("empty")
        writer.beginArray(.onALineEach)
        writer.endArray()
        writer.key("list")
        writer.beginArray(.onALineEach)
        for _ in 0..<2 {
            writer.beginObject()
            writer.member("x", Int64.min)
            writer.member("s", nil)
            writer.key("deeper")
            writer.beginArray(.onALineEach)
            writer.value(true)
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        writer.endLine()
        #expect(
            String(decoding: writer.buffer.bytes, as: UTF8.self) == """
                {
                  "a": -1,
                  "empty": [],
                  "list": [
                    {"x": -9223372036854775808, "s": null, "deeper": [
                      true
                    ]},
                    {"x": -9223372036854775808, "s": null, "deeper": [
                      true
                    ]}
                  ]
                }

                """)
    }

    @Test func compactMeansNoSpaceAtAll() {
        var writer = JSONWriter(layout: .compact)
        writer.beginObject(.onALineEach)
        writer.member("a", true)
        writer.key("b")
        writer.beginArray(.onALineEach)
        writer.value(UInt64.max)
        writer.seconds(nanoseconds: 1_000_000_001)
        writer.endArray()
        writer.endObject()
        #expect(
            String(decoding: writer.buffer.bytes, as: UTF8.self)
                == #"{"a":true,"b":[18446744073709551615,1.000000001]}"#)
    }

    /// Names are looked at eight bytes at a time: each length, and a character that needs an escape at each place.
    @Test func escapesAreFoundAtEachPlace() {
        let escapes = [
            "\"": "\\\"", "\\": "\\\\", "\n": "\\n", "\u{1}": "\\u0001", "\u{7F}": "\\u007f", "é": "é", " ": " ",
            "~": "~",
        ]
        for length in 0...33 {
            for (character, escape) in escapes {
                for place in 0...length {
                    let (before, after) = (
                        String(repeating: "x", count: place), String(repeating: "y", count: length - place)
                    )
                    var writer = JSONWriter(layout: .compact)
                    writer.value(before + character + after)
                    #expect(
                        String(decoding: writer.buffer.bytes, as: UTF8.self) == "\"\(before)\(escape)\(after)\"")
                }
            }
        }
    }
}
