/// What one worker needs to look into files: made when the first file is met.
final class ContentTools {
    let plan: ContentPlan
    var digest: MultiDigest
    /// A detector that cannot be made (out of memory: the database was tried before the scan) is an error of each file.
    private var detector: MIMEDetector?
    private var detectorError: MIMEUnavailable?
    /// Holds the beginning of a file, then what follows, a piece at a time.
    let buffer: UnsafeMutableRawBufferPointer

    /// As much as libmagic looks at, in most of its releases: a file that fits is known as a whole.
    private static let bufferSize = 1 << 20

    init(_ plan: ContentPlan) {
        self.plan = plan
        digest = MultiDigest(plan.methods)
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 4096)
        guard plan.wantsTypes else { return }
        do throws(MIMEUnavailable) {
            detector = try MIMEDetector(cache: plan.answers)
        } catch {
            detectorError = error
        }
    }

    deinit { buffer.deallocate() }

    /// Reads a file as a whole and says what was asked for.
    func read(_ reader: consuming FileReader) throws(ContentFailure) -> ContentAnswer {
        var answer = ContentAnswer()
        digest.begin(length: reader.status.size)
        answer.type = try beginReading(&reader, into: &digest)
        while try !finishReading(&reader, into: &digest, budget: .max) {}
        if !plan.set.isEmpty { answer.row = row(of: &digest) }
        return answer
    }

    /// Reads the first piece and finds out the type, while the piece is at hand.
    func beginReading(
        _ reader: inout FileReader, into digest: inout MultiDigest
    ) throws(ContentFailure) -> String? {
        var head = 0
        if reader.status.size > 0 {
            if case .bytes(let count) = try reader.read(into: buffer) { head = count }
        }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<head])
        digest.update(bytes)
        return try type(of: reader, head: bytes)
    }

    /// Reads on, about `budget` bytes.
    ///
    /// - Returns: whether that was the end, and the file has not changed.
    func finishReading(
        _ reader: inout FileReader, into digest: inout MultiDigest, budget: Int64
    ) throws(ContentFailure) -> Bool {
        if plan.set.isEmpty {
            // For the type alone the rest is of no interest.
            try reader.confirmUnchanged()
            return true
        }
        return try reader.feed(&digest, budget: budget, through: buffer)
    }

    func row(of digest: inout MultiDigest) -> [UInt8] {
        var row: [UInt8] = []
        row.reserveCapacity(plan.set.rowBytes)
        digest.finish(appendingTo: &row)
        return row
    }

    /// The digests of bytes in memory.
    func row(of bytes: [UInt8]) -> [UInt8] {
        var row: [UInt8] = []
        bytes.withUnsafeBytes { digest.digest($0, appendingTo: &row) }
        return row
    }

    /// A file whose `st_size` says nothing: a pseudo file system makes it up while it is read.
    func readUnsized(_ reader: consuming FileReader) throws(ContentFailure) -> ContentAnswer {
        var answer = ContentAnswer()
        answer.type = try type(of: reader, head: UnsafeRawBufferPointer(start: nil, count: 0))
        if !plan.set.isEmpty {
            let limit = Int(clamping: min(plan.maximumRead, Self.unsizedLimit))
            answer.row = row(of: try reader.readUnsized(limit: limit, through: buffer))
        }
        return answer
    }

    /// Such content is held in memory, and some of it never ends.
    private static let unsizedLimit: Int64 = 256 << 20

    private func type(
        of reader: borrowing FileReader, head: UnsafeRawBufferPointer
    ) throws(ContentFailure) -> String? {
        guard plan.wantsTypes else { return nil }
        if let detectorError { throw .type(message: detectorError.message, error: nil) }
        return try detector?.type(of: reader, head: head)
    }
}
