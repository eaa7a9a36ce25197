import Bytes

/// Fills one run of a `RunFile` with records, in order.
struct RunWriter: ~Copyable {
    private let file: RunFile
    private let descriptor: Int32
    private let run: RunFile.Run
    private var offset: Int64
    private var buffer: ByteBuffer

    private static let pieceSize = 1 << 16

    /// - Parameter length: of all records together.
    init(_ file: RunFile, length: Int64) throws(TemporaryFileError) {
        self.file = file
        (descriptor, run) = try file.reserve(length)
        offset = run.offset
        buffer = ByteBuffer(capacity: Self.pieceSize + 4096)
    }

    mutating func append(_ record: SortRecord) throws(TemporaryFileError) {
        buffer.append(record.bytes)
        if buffer.count >= Self.pieceSize { try writePiece() }
    }

    consuming func finish() throws(TemporaryFileError) -> RunFile.Run {
        try writePiece()
        precondition(offset == run.offset + run.length, "a run holds exactly the records that it was announced for")
        return run
    }

    private mutating func writePiece() throws(TemporaryFileError) {
        let (file, descriptor, start) = (file, descriptor, offset)
        offset += Int64(buffer.count)
        try buffer.drain { (bytes) throws(TemporaryFileError) in
            try file.write(bytes, to: descriptor, at: start)
        }
    }
}
