import Bytes
import CPage
import Entries
import ScanEngine

/// A page: one file that opens from disk, and requests nothing.
///
/// Names are data. They are in a block of JSON, which no browser executes, with `<` escaped, so that nothing in it can
/// end the block; the script inserts them only as text. A Content-Security-Policy with the digests of the style and of
/// both scripts forbids everything else.
struct PageFile {
    /// The maximum number of data bytes in a page: with the rest it stays below 3 MB.
    static let dataLimit = 2_800_000

    private let data: [UInt8]

    /// - Parameter data: an object in JSON.
    init(_ data: [UInt8]) { self.data = data }

    func write(to output: OutputFile) throws {
        let (style, library, script) = (Self.text(cpage_style()), Self.text(cpage_library()), Self.text(cpage_script()))
        let policy = """
            default-src 'none'; script-src \(try Self.source(library)) \(try Self.source(script)); \
            style-src \(try Self.source(style)); base-uri 'none'; form-action 'none'
            """
        var page = ByteBuffer(capacity: 1 << 18)
        page.append(
            """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(policy)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="referrer" content="no-referrer">
            <title>fsscan</title>
            <style>
            """)
        page.append(style)
        page.append("</style>\n</head>\n<body>\n")
        page.append(Self.text(cpage_markup()))
        page.append("<script type=\"text/plain\" id=\"licence\">")
        page.append(Self.withoutMarkup(Self.text(cpage_licence())))
        page.append("</script>\n<script type=\"application/json\" id=\"data\">")
        page.append(Self.withoutMarkup(data))
        for code in [library, script] {
            page.append("</script>\n<script>")
            page.append(code)
        }
        page.append("</script>\n</body>\n</html>\n")
        try output.write(page.bytes)
    }

    /// In JSON `<` occurs only in strings, where it may be escaped; the licence has none.
    private static func withoutMarkup(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for byte in bytes {
            if byte == UInt8(ascii: "<") { result += Array("\\u003c".utf8) } else { result.append(byte) }
        }
        return result
    }

    private static func text(_ part: cpage_part) -> [UInt8] {
        Array(UnsafeBufferPointer(start: part.bytes, count: part.count))
    }

    /// The source expression of a policy for exactly the bytes between the tags.
    private static func source(_ code: [UInt8]) throws(ScanUnavailable) -> String {
        do throws(DigestUnavailable) {
            var digest = MultiDigest(try DigestMethods(DigestSet([.sha256])))
            var row: [UInt8] = []
            code.withUnsafeBytes { digest.digest($0, appendingTo: &row) }
            var text = ByteBuffer()
            row.withUnsafeBytes { text.append(base64: $0) }
            return "'sha256-\(String(decoding: text.bytes, as: UTF8.self))'"
        } catch {
            throw ScanUnavailable(option: "--format html", message: error.message)
        }
    }
}
