// The reader of JSON lines, against jq and the grammar of RFC 8259.

import Bytes
import TestSupport
import Testing

@Suite struct JSONLineTests {
    private func object(_ text: String) throws -> JSONObject {
        try Array(text.utf8).withUnsafeBytes { try JSONLine.object(in: $0) }
    }

    /// Describes a value in a form that jq can produce, too: keys, kinds, strings as bytes.
    private func shown(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .large(let value): "\(value)"
        case .number: "number"
        case .string(let bytes): "\"\(bytes)\""
        case .array(let items): "[" + items.map(shown).joined(separator: ",") + "]"
        case .object(let object):
            "{" + object.members.map { "\($0.key):\(shown($0.value))" }.joined(separator: ",") + "}"
        }
    }

    @Test(arguments: [
        #"{}"#, #" { "a" : [ 1 , -2, {"b":null} ] , "c":true } "#, #"{"a":"\u00e9\ud83d\ude00\n\/\"\\"}"#,
        #"{"é😀":"\u0000"}"#, #"{"a":0,"b":-0}"#, #"{"":[[],{}]}"#,
    ]) func stringsAndShapesAreThoseOfJq(_ text: String) throws {
        let program: ByteString = """
            [.. | strings] + [.. | objects | keys[]] | map(@base64) | sort | .[]
            """
        let lines = try output(of: ["jq", "-r", program], ProcessOptions { $0.input = Array(text.utf8) })
        var strings: [[UInt8]] = []
        func collect(_ value: JSONValue) {
            switch value {
            case .string(let bytes): strings.append(bytes)
            case .array(let items): items.forEach(collect)
            case .object(let object):
                for member in object.members {
                    strings.append(member.key)
                    collect(member.value)
                }
            case .null, .bool, .integer, .large, .number: break
            }
        }
        collect(.object(try object(text)))
        let encoded = strings.map { bytes in
            var buffer = ByteBuffer()
            bytes.withUnsafeBytes { buffer.append(base64: $0) }
            return String(decoding: buffer.bytes, as: UTF8.self)
        }
        #expect(encoded.sorted().joined(separator: "\n") == String(decoding: lines.dropLast(), as: UTF8.self))
    }

    @Test func integersAreExactAndBytesThatPythonEscapedComeBack() throws {
        let read = try object(
            #"{"a":9223372036854775807,"b":18446744073709551615,"c":-9223372036854775808,"d":1.5,"e":"x\udcff","a":9007199254740993}"#
        )
        #expect(read["a"]?.integer == 9_007_199_254_740_993)
        #expect(read["b"]?.unsigned == .max && read["b"]?.integer == nil)
        #expect(read["c"]?.integer == .min)
        #expect(shown(.object(JSONObject(members: [([], read["d"] ?? .null)]))) == "{[]:number}")
        #expect(read["e"]?.string == [0x78, 0xFF])
        let alone = try object(#"{"a":"\ud800","b":"\udfff","c":"\ud800\u0041"}"#)
        let strings = alone.members.map { String(decoding: $0.value.string ?? [], as: UTF8.self) }
        #expect(strings == ["\u{FFFD}", "\u{FFFD}", "\u{FFFD}A"])
    }

    @Test(arguments: [
        "", "{", "[]", "1", "{}x", "{} {}", #"{"a"}"#, #"{"a":}"#, #"{"a":01}"#, #"{"a":1.}"#, #"{"a":+1}"#,
        #"{"a":.5}"#,
        #"{"a":tru}"#, #"{"a":nul}"#, #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"b}"#, "{\"a\":\"\u{1}\"}", #"{a:1}"#,
        #"{"a":1,}"#, #"{"a":[1,]}"#, #"{"a":1e}"#, #"{"a":-}"#, #"{'a':1}"#, #"{"a":NaN}"#,
    ]) func invalidJSONIsRefused(_ text: String) {
        #expect(throws: JSONFailure.self) { try object(text) }
    }

    @Test func invalidUTF8AndExcessiveDepthsAreRefused() {
        let invalid = Array("{\"a\":\"".utf8) + [0xFF] + Array("\"}".utf8)
        #expect(throws: JSONFailure.self) { try invalid.withUnsafeBytes { try JSONLine.object(in: $0) } }
        let deep = "{\"a\":" + String(repeating: "[", count: 100_000)
        #expect(throws: JSONFailure.self) { try object(deep) }
    }

    @Test(arguments: ["", "Zg==", "Zm8=", "Zm9v", "AAECA//+"]) func base64IsThatOfTheWriter(_ text: String) throws {
        let decoded = try #require(Base64.decoded(Array(text.utf8)))
        var buffer = ByteBuffer()
        decoded.withUnsafeBytes { buffer.append(base64: $0) }
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == text)
        #expect(Base64.decoded(Array("Zm9".utf8)) == nil && Base64.decoded(Array("Zm=v".utf8)) == nil)
    }

    @Test(arguments: [0, -1, 951_782_400, 951_868_799, -62_167_219_200, 253_402_300_799, 1_795_273_714, 68_169_600])
    func aTimeIsReadAsItWasWritten(_ seconds: Int64) throws {
        let text = try #require(Timestamp.rfc3339(seconds: seconds, nanoseconds: 7))
        let read = try #require(Timestamp.parsed(Array(text.utf8)))
        #expect(read == (seconds, 7))
        #expect(Timestamp.parsed(Array("2023-02-29T00:00:00.000000000Z".utf8)) == nil)
    }
}
