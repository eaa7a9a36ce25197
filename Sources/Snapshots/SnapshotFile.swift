import CLinux
import Glibc
package import ScanEngine

/// An argument of `diff` or `verify`: a directory, or a file whose format its content tells.
package enum SnapshotArgument: Sendable {
    /// To be scanned now.
    case live([UInt8])
    case file([UInt8], selector: [UInt8]?)

    /// An argument that exists is taken whole; otherwise what follows the last `#` names one of several scans.
    ///
    /// - Throws: `SnapshotFailure` where there is no such file.
    package init(_ argument: [UInt8]) throws(SnapshotFailure) {
        if let isDirectory = Self.isDirectory(argument) {
            self = isDirectory ? .live(argument) : .file(argument, selector: nil)
            return
        }
        let code = errno
        if let hash = argument.lastIndex(of: UInt8(ascii: "#")) {
            let path = Array(argument[..<hash])
            if Self.isDirectory(path) == false {
                self = .file(path, selector: Array(argument[(hash + 1)...]))
                return
            }
        }
        throw SnapshotFailure(path: argument, String(cString: strerror(code)))
    }

    /// Nil, with errno, where there is nothing.
    private static func isDirectory(_ path: [UInt8]) -> Bool? {
        var status = stat()
        guard withCPath(path, { stat($0, &status) }) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Opens a file as a source by the first format that recognises it.
    ///
    /// - Parameters:
    ///   - otherRoots: see `SnapshotInput`.
    ///   - algorithm: see `SnapshotInput`.
    package static func open(
        _ path: [UInt8], selector: [UInt8]?, otherRoots: [[UInt8]], algorithm: DigestAlgorithm? = nil
    ) throws(SnapshotFailure) -> any SnapshotSource {
        let descriptor = withCPath(path) { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC) }
        if descriptor < 0 { throw SnapshotFailure(path: path, String(cString: strerror(-descriptor))) }
        defer { close(descriptor) }
        let beginning: [UInt8]
        do throws(Errno) {
            beginning = try Kernel.contents(of: descriptor, limit: SnapshotInput.beginningSize)
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
        let isSeekable = lseek(descriptor, 0, SEEK_SET) == 0
        guard let format = SnapshotFormat.all.first(where: { $0.recognises(beginning) }) else {
            let names = SnapshotFormat.all.map(\.name).joined(separator: ", ")
            throw SnapshotFailure(path: path, "is of no format that can be compared (\(names))")
        }
        return try format.open(
            SnapshotInput(
                path: path, descriptor: descriptor, beginning: beginning, isSeekable: isSeekable, selector: selector,
                otherRoots: otherRoots, algorithm: algorithm))
    }
}
