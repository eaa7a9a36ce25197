import CNcurses
import Glibc
import TestSupport
import Testing

@testable import fsscan

@Suite struct TextTests {
    private let plain = Quoting(escapesBidirectional: false, escapesNonASCII: false, usesCurlyQuotes: true)
    private let terminal = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)
    private let cLocale = Quoting(escapesBidirectional: true, escapesNonASCII: true, usesCurlyQuotes: false)

    private func escaped(_ name: [UInt8], _ quoting: Quoting) -> String {
        String(decoding: quoting.escaped(name), as: UTF8.self)
    }

    @Test func namesAreEscapedAsLsDoes() throws {
        // ls -b escapes spaces, which the summary does not.
        var names = (1...255).filter { $0 != 0x2F && $0 != 0x20 }.map { ByteString([UInt8($0), 0x21]) }
        names += ["\u{85}", "\u{E9}", "\u{2028}", "\u{1F600}", [0xED, 0xA0, 0x80], [0xE2, 0x82], "a\\b\nc"]
        let directory = try TemporaryDirectory(Tree(names.map { .file($0) }))
        for (locale, quoting) in [("C.UTF-8", plain), ("C", cLocale)] {
            let listing = try output(
                of: ["ls", "-bUA1", directory.path], ProcessOptions { $0.environment = ["LC_ALL": locale] })
            let expected = listing.split(separator: 0x0A).map { ByteString($0) }.sorted()
            #expect(names.map { ByteString(quoting.escaped($0.bytes)) }.sorted() == expected)
        }
    }

    @Test func charactersThatReorderTextAreEscapedOnATerminal() {
        let name = Array("a\u{202E}b\u{2066}".utf8)
        #expect(escaped(name, plain) == "a\u{202E}b\u{2066}")
        #expect(escaped(name, terminal) == #"a\342\200\256b\342\201\246"#)
    }

    @Test func quotationMarksAreFinds() {
        let name = Array("it's".utf8)
        #expect(String(decoding: plain.quoted(name), as: UTF8.self) == "‘it's’")
        #expect(String(decoding: cLocale.quoted(name), as: UTF8.self) == #"'it\'s'"#)
    }

    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1024 * 1024 - 1, "1.0 MiB"),
            (1_048_524, "1023.9 KiB"), (5 << 30, "5.0 GiB"), (.max, "8.0 EiB"),
        ] as [(Int64, String)])
    func bytesAreForPeople(_ count: Int64, _ text: String) { #expect(HumanUnits.bytes(count) == text) }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] as [(Int64, String)])
    func countsAreGrouped(_ count: Int64, _ text: String) { #expect(HumanUnits.count(count) == text) }

    @Test(arguments: [(0, "0.000 s"), (0.0214, "0.021 s"), (59.96, "59.9 s"), (61, "1 min 1 s")] as [(Double, String)])
    func secondsAreShort(_ seconds: Double, _ text: String) { #expect(HumanUnits.seconds(seconds) == text) }

    @Test(
        arguments: [
            (0, "0 B", "0 B"), (999, "999 B", "999 B"), (1000, "1.0 kB", "1,000 B"),
            (999_949, "999.9 kB", "999,949 B"), (999_950, "1.0 MB", "999,950 B"),
            (.max, "9.2 EB", "9,223,372,036,854,775,807 B"),
        ] as [(Int64, String, String)])
    func unitsAreThoseThatAreAskedFor(_ count: Int64, _ decimal: String, _ exact: String) {
        #expect(HumanUnits.bytes(count, .decimal) == decimal)
        #expect(HumanUnits.bytes(count, .exact) == exact)
    }

    @Test(
        arguments: [
            ("/srv/backup/file", 16, "/srv/backup/file"), ("/srv/backup/file", 15, "/srv/…ckup/file"),
            ("/srv/backup/file", 8, "/s…/file"), ("写真写真写真", 8, "写…写真"), ("abc", 1, "…"), ("abc", 0, ""),
            // A combining mark stays with its letter.
            ("e\u{301}e\u{301}e\u{301}e\u{301}", 3, "…e\u{301}e\u{301}"),
        ] as [(String, Int, String)])
    func aLongPathLosesItsMiddle(_ path: String, _ columns: Int, _ text: String) {
        _ = cncurses_set_locale(1)
        let screen = ScreenText(quoting: terminal, isUTF8: true)
        let fitted = screen.fittedInMiddle(Array(path.utf8), columns)
        #expect(String(decoding: fitted.text, as: UTF8.self) == text)
        #expect(fitted.width == screen.width(fitted.text) && fitted.width <= columns)
    }
}
