/// Goes through the records of one sorted run, in memory or on disk.
final class RunCursor {
    private enum Source {
        case memory(RecordArena, next: Int)
        case file(RunFile)
    }

    private var source: Source
    /// The record at the cursor; nil after the last one. Valid until `advance()`.
    private(set) var record: SortRecord?

    // On disk: the part of the run that has been read, and how much of it the cursor has passed.
    private var buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var filled = 0
    private var passed = 0
    /// Where to read on, and how much of the run is left there.
    private var rest = RunFile.Run(offset: 0, length: 0)

    /// - Parameter arena: sorted; must not change any more.
    init(_ arena: RecordArena) {
        source = .memory(arena, next: 0)
        advanceInMemory(arena, 0)
    }

    /// - Parameter bufferSize: bytes read at once. A record longer than that makes the buffer grow.
    init(_ run: RunFile.Run, in file: RunFile, bufferSize: Int) throws(TemporaryFileError) {
        source = .file(file)
        rest = run
        buffer = .allocate(byteCount: bufferSize, alignment: 16)
        try readRecord(file)
    }

    deinit { buffer.deallocate() }

    func advance() throws(TemporaryFileError) {
        switch source {
        case .memory(let arena, let next):
            advanceInMemory(arena, next)
        case .file(let file):
            if let record { passed += record.length }
            try readRecord(file)
        }
    }

    private func advanceInMemory(_ arena: RecordArena, _ next: Int) {
        record = arena.record(at: next)
        source = .memory(arena, next: next + 1)
    }

    /// Makes `record` the one that starts at `passed`.
    private func readRecord(_ file: RunFile) throws(TemporaryFileError) {
        if passed == filled, rest.length == 0 {
            record = nil
            return
        }
        try fill(file, atLeast: SortRecord.headerSize)
        try fill(file, atLeast: SortRecord(at: buffer.baseAddress! + passed).length)
        record = SortRecord(at: buffer.baseAddress! + passed)
    }

    /// Reads until `count` bytes that the cursor has not passed are in the buffer, at its front if need be.
    private func fill(_ file: RunFile, atLeast count: Int) throws(TemporaryFileError) {
        if filled - passed >= count { return }
        precondition(Int64(count) <= Int64(filled - passed) + rest.length, "a run ends with a whole record")
        if buffer.count < count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[passed..<filled]))
            buffer.deallocate()
            buffer = larger
        } else {
            // The two parts may overlap; `copyMemory` allows that.
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[passed..<filled]))
        }
        filled -= passed
        passed = 0
        while filled < count {
            let room = min(Int64(buffer.count - filled), rest.length)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + Int(room)])
            let amount = try file.read(at: rest.offset, into: target)
            filled += amount
            rest.offset += Int64(amount)
            rest.length -= Int64(amount)
        }
        if rest.length > 0 { file.willRead(at: rest.offset, min(rest.length, Int64(buffer.count))) }
    }
}
