import CLinux
import Glibc
import ScanEngine

/// The output could not be written: exit status 74.
struct OutputError: Error {
    /// The FILE of `-o`; nil: standard output.
    var path: [UInt8]?
    var error: SystemError
}

/// Where the report goes: standard output, a device or pipe, or a file that is replaced when everything is written.
///
/// It is opened before the scan, so that an hour's work does not end in "No such file or directory", and a file is
/// replaced by `finish()` alone: without it, what was there stays.
final class OutputFile {
    private enum Sink {
        /// Standard output itself, or a duplicate of a descriptor, or a device.
        case descriptor(CInt)
        case replacement(ReplacementFile)
    }

    private let path: [UInt8]?
    private let sink: Sink
    private var isFinished = false

    /// Opens `path` (nil: standard output). Waits for a reader if it is a FIFO, unless a stop signal arrives.
    init(_ path: [UInt8]?) throws(OutputError) {
        self.path = path
        do throws(SystemError) {
            sink = try Self.open(path)
        } catch {
            throw OutputError(path: path, error: error)
        }
    }

    deinit {
        if !isFinished, case .descriptor(let descriptor) = sink, path != nil { close(descriptor) }
    }

    /// The descriptor that is written to, to ask whether it is a terminal; -1 for a file that is replaced.
    var descriptor: CInt {
        if case .descriptor(let descriptor) = sink { descriptor } else { -1 }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(OutputError) {
        do throws(SystemError) {
            switch sink {
            case .descriptor(let descriptor): try StandardStreams.write(bytes, to: descriptor)
            case .replacement(let file): try file.write(bytes)
            }
        } catch {
            throw OutputError(path: path, error: error)
        }
    }

    /// Puts the file in its place. What was written counts only when this returns: some file systems report a full disk
    /// or a lost server no earlier than here.
    func finish() throws(OutputError) {
        isFinished = true
        do throws(SystemError) {
            switch sink {
            case .descriptor(let descriptor):
                // Linux closes the descriptor also where it says EINTR.
                if close(descriptor) < 0 && errno != EINTR { throw SystemError(errno) }
            case .replacement(let file): try file.commit()
            }
        } catch {
            throw OutputError(path: path, error: error)
        }
    }

    // MARK: Opening

    private static func open(_ path: [UInt8]?) throws(SystemError) -> Sink {
        guard let path else { return .descriptor(try writable(1)) }
        switch try OutputDestination(path) {
        case .openDescriptor(let number):
            return .descriptor(try check(fcntl(try writable(number), F_DUPFD_CLOEXEC, 3)))
        case .other(let path):
            while true {
                let descriptor = withCString(path) { Glibc.open($0, O_WRONLY | O_NOCTTY | O_CLOEXEC) }
                if descriptor >= 0 { return .descriptor(descriptor) }
                // Only a stop signal ends the wait for a FIFO's reader; whoever called looks at it first.
                if errno != EINTR || clinux_stop_signal() != 0 { throw SystemError(errno) }
            }
        case .file(let directory, let name, let existing):
            return .replacement(try ReplacementFile(directory: directory, name: name, replacing: existing))
        }
    }

    /// Fails now rather than at the first write where a descriptor is closed or open for reading only.
    private static func writable(_ descriptor: CInt) throws(SystemError) -> CInt {
        if try check(fcntl(descriptor, F_GETFL)) & O_ACCMODE == O_RDONLY { throw SystemError(EBADF) }
        return descriptor
    }
}

/// What the FILE of `-o` turns out to be.
enum OutputDestination {
    /// `/dev/stdout`, `/dev/fd/3`: opening it again would start at offset 0 of a file that is being appended to, and fails
    /// for sockets.
    case openDescriptor(CInt)
    /// A device or a pipe, to be opened as it is.
    case other([UInt8])
    /// A regular file, or none yet: with all symlinks resolved, so that a link to it stays a link.
    case file(directory: [UInt8], name: [UInt8], existing: stat?)

    init(_ given: [UInt8]) throws(SystemError) {
        var path = given
        // As many links as the kernel follows in one path.
        for _ in 0...40 {
            if let number = Self.descriptorNumber(path) {
                self = .openDescriptor(number)
                return
            }
            var target = stat()
            if withCString(path, { stat($0, &target) }) == 0 && target.st_mode & S_IFMT != S_IFREG {
                if target.st_mode & S_IFMT == S_IFDIR { throw SystemError(EISDIR) }
                self = .other(path)
                return
            }
            let (directory, name) = Self.split(path)
            var status = stat()
            if withCString(path, { lstat($0, &status) }) < 0 {
                guard errno == ENOENT else { throw SystemError(errno) }
                // A trailing slash asks for a directory.
                if name.isEmpty { throw SystemError(path.isEmpty ? ENOENT : EISDIR) }
                self = .file(directory: directory, name: name, existing: nil)
                return
            }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                self = .file(directory: directory, name: name, existing: status)
                return
            }
            let link = try Self.readLink(path)
            path = link.first == UInt8(ascii: "/") ? link : directory + [UInt8(ascii: "/")] + link
        }
        throw SystemError(ELOOP)
    }

    private static func descriptorNumber(_ path: [UInt8]) -> CInt? {
        let text = String(decoding: path, as: UTF8.self)
        if text == "/dev/stdout" { return 1 }
        if text == "/dev/stderr" { return 2 }
        for prefix in ["/dev/fd/", "/proc/self/fd/"] where text.hasPrefix(prefix) {
            return CInt(text.dropFirst(prefix.count))
        }
        return nil
    }

    private static func split(_ path: [UInt8]) -> (directory: [UInt8], name: [UInt8]) {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return (Array(".".utf8), path) }
        return (slash == 0 ? Array("/".utf8) : Array(path[..<slash]), Array(path[(slash + 1)...]))
    }

    private static func readLink(_ path: [UInt8]) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try check(
            buffer.withUnsafeMutableBytes { buffer in
                withCString(path) {
                    readlink($0, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
                }
            })
        return Array(buffer[..<count])
    }
}
