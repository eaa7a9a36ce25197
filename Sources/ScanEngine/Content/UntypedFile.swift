import WorkStealing

/// A file of which everything is known except its MIME type. It is kept open until libmagic is free, because opening
/// and reading it again may take any time, during which it would occupy a detector.
package final class UntypedFile: Sendable {
    let reader: FileReader
    let row: [UInt8]
    let key: MIMECache.Key?
    private let place: Resource.Token

    init(_ reader: consuming FileReader, row: [UInt8], _ key: MIMECache.Key?, _ place: consuming Resource.Token) {
        self.reader = reader
        self.row = row
        self.key = key
        self.place = place
    }

    /// - Parameter detector: returned as soon as libmagic has answered.
    /// - Returns: nil if there is no handle for it: ask again.
    func content(
        from detectors: MIMEDetectors, _ detector: consuming Resource.Token
    ) throws(ContentFailure) -> FileContent? {
        let answer = detectors.type(of: reader, key)
        _ = consume detector
        guard let type = answer else { return nil }
        return try content(type: type)
    }

    /// - Throws: if the file changed meanwhile.
    func content(type: Result<String, ContentFailure>) throws(ContentFailure) -> FileContent {
        try reader.confirmUnchanged()
        return FileContent(digests: row, mime: type)
    }
}
