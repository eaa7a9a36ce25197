import CLinux
import LinuxKernel
import ScanEngine

/// Reads a file line by line, in bounded memory.
final class LineReader {
    /// Longer lines are an error: such a file is not in the expected format.
    static let longestLine = 16 << 20

    private let path: [UInt8]
    private let descriptor: Int32
    private let progress: InputProgress?
    private var buffer: UnsafeMutableRawBufferPointer
    /// The offset of the first unread byte in `buffer`.
    private var start = 0
    private var end = 0
    private var isAtEnd = false
    /// The last line, in `buffer`; empty if a failure is not about its text.
    private var last = 0..<0
    /// The number of the last line, from 1.
    private(set) var number = 0
    /// Bytes of the lines read so far, with their newlines.
    private(set) var passed = 0

    /// - Parameter input: its descriptor must stay open as long as the reader is used.
    init(_ input: SnapshotInput) {
        path = input.path
        descriptor = input.descriptor
        progress = input.progress
        buffer = .allocate(byteCount: 1 << 17, alignment: 16)
        if !input.isSeekable {
            precondition(input.beginning.count <= buffer.count, "the beginning of a stream is larger than the buffer")
            buffer.copyBytes(from: input.beginning)
            end = input.beginning.count
        }
    }

    deinit { buffer.deallocate() }

    /// The next line, without its newline; nil after the last one. Valid until the next call.
    func next() throws(SnapshotFailure) -> UnsafeRawBufferPointer? {
        var searched = start
        while true {
            if let newline = Self.newline(in: buffer, searched..<end) {
                number += 1
                passed += newline + 1 - start
                last = start..<newline
                start = newline + 1
                return UnsafeRawBufferPointer(rebasing: buffer[last])
            }
            if isAtEnd {
                last = start..<end
                if start == end { return nil }
                number += 1
                passed += end - start
                start = end
                return UnsafeRawBufferPointer(rebasing: buffer[last])
            }
            searched = end - start
            try fill()
        }
    }

    /// A failure about the last line, with its beginning.
    func failure(_ message: String) -> SnapshotFailure {
        let beginning = last.isEmpty ? "" : ": \(Excerpt.quoted(buffer[last]))"
        return SnapshotFailure(path: path, "line \(number): \(message)\(beginning)")
    }

    private static func newline(in buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>) -> Int? {
        guard !range.isEmpty, let base = buffer.baseAddress else { return nil }
        guard let found = memchr(base + range.lowerBound, 0x0A, range.count) else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }

    /// Moves the unread bytes to the front and reads more.
    private func fill() throws(SnapshotFailure) {
        let rest = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
        last = 0..<0
        if rest.count == buffer.count {
            guard buffer.count < Self.longestLine else {
                number += 1
                throw failure("longer than \(Self.longestLine >> 20) MiB")
            }
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: min(2 * buffer.count, Self.longestLine), alignment: 16)
            larger.copyMemory(from: rest)
            buffer.deallocate()
            buffer = larger
        } else {
            // The two parts may overlap; `copyMemory` allows that.
            buffer.copyMemory(from: rest)
        }
        (start, end) = (0, rest.count)
        do throws(Errno) {
            let amount = try Kernel.check {
                clinux_read(descriptor, buffer.baseAddress! + end, UInt(buffer.count - end))
            }
            end += Int(amount)
            isAtEnd = amount == 0
            progress?.add(Int(amount))
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
        // All of it may be read before the next look.
        if clinux_stop_signal() != 0 { throw SnapshotFailure(path: path, "stopped") }
    }
}
