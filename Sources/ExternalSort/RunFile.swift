import Glibc
package import LinuxKernel
import Synchronization

/// The temporary files of `--sorted` could not be created, written or read.
public struct TemporaryFileError: Error, Equatable, Sendable {
    public var directory: [UInt8]
    /// The system call that failed.
    public var operation: String
    /// The errno.
    public var number: Int32
    /// Its name: `ENOSPC`, …
    public var code: String
    /// A sentence for people: `No space left on device`.
    public var message: String
}

/// Sorted runs on disk, one after the other in one unnamed file: one descriptor for any number of runs, and nothing to
/// clean up, however the process ends.
///
/// Created when the first run is written, or by `prepare()`.
package final class RunFile: Sendable {
    /// One run. Offsets in bytes.
    package struct Run: Sendable {
        package var offset: Int64
        package var length: Int64
    }

    private struct State: ~Copyable {
        var file: FileDescriptor?
        /// Where the next run starts.
        var end: Int64 = 0
    }

    private let directory: [UInt8]
    private let state = Mutex(State())

    /// - Parameter directory: nil: `$TMPDIR`, or `/tmp`.
    package init(directory: [UInt8]?) {
        // Nothing in the program changes the environment, so the pointer stays valid while it is copied.
        let variable = getenv("TMPDIR").map { Array(String(cString: $0).utf8) }
        let chosen = directory ?? variable ?? []
        self.directory = chosen.isEmpty ? Array("/tmp".utf8) : chosen
    }

    /// Creates the file now, if there is none, so that a failure is known before there is anything to write.
    package func prepare() throws(TemporaryFileError) {
        try state.withLock { (state) throws(TemporaryFileError) in
            if state.file == nil { state.file = try open() }
        }
    }

    /// Room for a run of `length` bytes, for the caller to fill. Runs may be filled at the same time.
    package func reserve(_ length: Int64) throws(TemporaryFileError) -> (descriptor: Int32, run: Run) {
        try state.withLock { (state) throws(TemporaryFileError) in
            var number = state.file?.number
            if number == nil {
                let file = try open()
                number = file.number
                state.file = consume file
            }
            defer { state.end += length }
            return (number.unsafelyUnwrapped, Run(offset: state.end, length: length))
        }
    }

    /// The number stays valid as long as the `RunFile`.
    private var descriptor: Int32 {
        state.withLock { state in
            guard let number = state.file?.number else { preconditionFailure("there is no run before there is a file") }
            return number
        }
    }

    package func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int64
    ) throws(TemporaryFileError) {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            written += try checked("pwrite") { () throws(Errno) in
                try Kernel.write(rest, to: descriptor, at: offset + Int64(written))
            }
        }
    }

    /// Fills `buffer` from `offset` as far as it can; at least one byte.
    package func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(TemporaryFileError) -> Int {
        let descriptor = descriptor
        return try checked("pread") { () throws(Errno) in
            let amount = try Kernel.read(descriptor, at: offset, into: buffer)
            // The file ends before a run does: it was truncated, or the disk has failed.
            if amount == 0 { throw Errno(EIO) }
            return amount
        }
    }

    /// Announces the next read. The kernel cannot know it: many runs are read in turn.
    func willRead(at offset: Int64, _ length: Int64) {
        try? Kernel.beginReading(offset..<offset + length, of: descriptor)
    }

    /// Returns a run's space to the file system, if it supports that. Blocks that the run shares with others stay.
    func discard(_ run: Run) {
        if run.length > 0 { Kernel.punchHole(descriptor, run.offset, run.length) }
    }

    private func open() throws(TemporaryFileError) -> FileDescriptor {
        try checked("open") { () throws(Errno) in try Kernel.makeTemporaryFile(in: directory) }
    }

    private func checked<Result: ~Copyable>(
        _ operation: String, _ call: () throws(Errno) -> Result
    ) throws(TemporaryFileError) -> Result {
        do throws(Errno) {
            return try call()
        } catch {
            throw failure(operation, error)
        }
    }

    package func failure(_ operation: String, _ error: Errno) -> TemporaryFileError {
        TemporaryFileError(
            directory: directory, operation: operation, number: error.rawValue, code: error.name,
            message: error.message)
    }
}
