import CLinux
import Glibc
import LinuxKernel
import ScanEngine

/// The output could not be written: exit status 74.
struct OutputError: Error {
    /// The FILE of `-o`; nil: standard output.
    var path: [UInt8]?
    var cause: PlaceError
}

/// The destination of the report: standard output, a device or pipe, or a file that is replaced when everything is
/// written.
///
/// It is opened before the scan, and everything needed at the end is checked, so that an hour's work does not end in
/// "No such file or directory" or "Device or resource busy". Only `finish()` replaces a file: without it, the old file
/// stays. A file that cannot be replaced (a mount point) is written in place, from the first `write` on.
final class OutputFile {
    private enum Sink {
        /// Standard output itself, or a duplicate of a descriptor, or a device.
        case descriptor(CInt)
        case replacement(ReplacementFile)
        /// A file that is truncated at the first `write`.
        case inPlace(CInt)
        /// journald's: each `write` is an entry.
        case journal(CInt)
    }

    private let path: [UInt8]?
    private let sink: Sink
    private var isFinished = false
    /// For a file in place: whether it has been truncated.
    private var isTruncated = false

    /// Opens `path` (nil: standard output). Waits for a reader if it is a FIFO, unless a stop signal arrives.
    ///
    /// - Parameter mode: the file's mode, whether it is new or not; nil: decided by its place.
    init(_ path: [UInt8]?, mode: UInt32? = nil) throws(OutputError) {
        self.path = path
        do throws(PlaceError) {
            sink = try Self.open(path, mode)
        } catch {
            throw OutputError(path: path, cause: error)
        }
    }

    /// systemd's journal: each `write` is an entry.
    init(journal: Void) throws(OutputError) {
        path = Array(CLINUX_JOURNAL_SOCKET.utf8)
        let descriptor = clinux_open_journal()
        guard descriptor >= 0 else { throw OutputError(path: path, cause: PlaceError(Errno(-descriptor))) }
        sink = .journal(descriptor)
    }

    deinit {
        if isFinished || path == nil { return }
        switch sink {
        case .descriptor(let descriptor), .inPlace(let descriptor), .journal(let descriptor): close(descriptor)
        case .replacement: break
        }
    }

    /// The descriptor to check for a terminal; -1 for a file that is replaced.
    var descriptor: CInt {
        if case .descriptor(let descriptor) = sink { descriptor } else { -1 }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(OutputError) {
        do throws(Errno) {
            switch sink {
            case .descriptor(let descriptor): try StandardStreams.write(bytes, to: descriptor)
            case .replacement(let file): try file.write(bytes)
            case .inPlace(let descriptor):
                try truncate(descriptor)
                try StandardStreams.write(bytes, to: descriptor)
            case .journal(let descriptor):
                let result = clinux_send_to_journal(descriptor, bytes.baseAddress!, UInt(bytes.count))
                if result < 0 { throw Errno(-result) }
            }
        } catch {
            throw OutputError(path: path, cause: PlaceError(error))
        }
    }

    /// Puts the file in its place. The output is safe only when this returns: some file systems report a full disk or a
    /// lost server only here.
    func finish() throws(OutputError) {
        isFinished = true
        do throws(Errno) {
            switch sink {
            case .descriptor(let descriptor), .journal(let descriptor):
                // Linux closes the descriptor even if it returns EINTR.
                if close(descriptor) < 0 && errno != EINTR { throw Errno(errno) }
            case .replacement(let file): try file.commit()
            case .inPlace(let descriptor):
                defer { close(descriptor) }
                try truncate(descriptor)
                // EINVAL: the file system does not support it.
                if fsync(descriptor) < 0 && errno != EINVAL { throw Errno(errno) }
            }
        } catch {
            throw OutputError(path: path, cause: PlaceError(error))
        }
    }

    private func truncate(_ descriptor: CInt) throws(Errno) {
        if !isTruncated { try Errno.check(ftruncate(descriptor, 0)) }
        isTruncated = true
    }

    // MARK: Opening

    private static func open(_ path: [UInt8]?, _ mode: UInt32?) throws(PlaceError) -> Sink {
        guard let path else {
            return .descriptor(try PlaceError.converting { () throws(Errno) in try writable(1) })
        }
        switch try OutputDestination(path) {
        case .openDescriptor(let number):
            return .descriptor(
                try PlaceError.converting { () throws(Errno) in
                    try Errno.check(fcntl(try writable(number), F_DUPFD_CLOEXEC, 3))
                })
        case .place(let place):
            if let kind = place.existing?.status.kind, kind != .file { return .descriptor(try open(place)) }
            switch try place.manner() {
            case .replacement:
                return .replacement(
                    try PlaceError.converting { () throws(Errno) in try ReplacementFile(place, mode: mode) })
            case .inPlace(let reason):
                let descriptor = try open(place)
                StandardStreams.complain(
                    Array("warning: ".utf8) + Quoting.forErrors.quoted(path)
                        + Array(" \(reason), so it is written in place: it is incomplete until fsscan ends".utf8))
                return .inPlace(descriptor)
            }
        }
    }

    /// Opens the existing file for writing.
    private static func open(_ place: OutputPlace) throws(PlaceError) -> CInt {
        while true {
            do throws(PlaceError) {
                return try place.open()
            } catch {
                // Only a stop signal ends the wait for a FIFO's reader; the caller checks for it first.
                if error.error != .interrupted || clinux_stop_signal() != 0 { throw error }
            }
        }
    }

    /// Fails now instead of at the first write if a descriptor is closed or read-only.
    private static func writable(_ descriptor: CInt) throws(Errno) -> CInt {
        if try Errno.check(fcntl(descriptor, F_GETFL)) & O_ACCMODE == O_RDONLY { throw Errno(EBADF) }
        return descriptor
    }
}
