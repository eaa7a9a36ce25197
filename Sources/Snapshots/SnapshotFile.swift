import CLinux
package import Entries
package import Formats
import Glibc
import LinuxKernel
import ScanEngine

/// An argument of `diff` or `verify`: a directory, or a file, whose content determines its format.
package enum SnapshotArgument: Sendable {
    /// A directory, to be scanned now.
    case live([UInt8])
    case file([UInt8], selector: [UInt8]?)

    /// `-` is standard input. If the whole argument is a path that exists, it is that file; otherwise the part after
    /// the last `#` selects a scan.
    ///
    /// - Throws: `SnapshotFailure` if there is no such file.
    package init(_ argument: [UInt8]) throws(SnapshotFailure) {
        if argument == [UInt8(ascii: "-")] {
            self = .file(argument, selector: nil)
            return
        }
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
        throw SnapshotFailure(path: argument, Errno(code).message)
    }

    /// Nil, with errno, if it cannot be stat'ed.
    private static func isDirectory(_ path: [UInt8]) -> Bool? {
        var status = stat()
        guard withCString(path, { stat($0, &status) }) == 0 else { return nil }
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
        try OpenedSnapshot(
            path, selector: selector, otherRoots: otherRoots, algorithm: algorithm, isToBeHashed: false
        ).source
    }
}

/// A file that is opened once, so that all answers come from the same bytes.
package final class OpenedSnapshot {
    package let source: any SnapshotSource
    /// If it is a file of saved scans.
    package let saved: (file: SavedScans, scan: SavedScan)?
    /// The SHA-256 of the file, in hex, if requested.
    package let digest: String?

    /// The copy that is hashed and read instead of the file, which might change in between.
    private let copy: ScratchCopy?

    /// - Parameters:
    ///   - otherRoots, algorithm: see `SnapshotInput`.
    ///   - formats: those that the caller can use.
    ///   - isToBeHashed: whether to compute `digest`.
    ///   - progress: follows the reading of a format that is read whole.
    package init(
        _ path: [UInt8], selector: [UInt8]?, otherRoots: [[UInt8]], algorithm: DigestAlgorithm? = nil,
        isToBeHashed: Bool, formats: [SnapshotFormat] = SnapshotFormat.all, progress: InputProgress? = nil
    ) throws(SnapshotFailure) {
        var descriptor = try InputFile.open(path)
        var isKept = false
        defer { if !isKept { close(descriptor) } }
        var beginning = try Self.beginning(of: descriptor, path)
        guard let format = formats.first(where: { $0.recognises(beginning) }) else {
            let names = formats.map(\.name).joined(separator: ", ")
            throw SnapshotFailure(path: path, "has no known format (\(names))")
        }
        if beginning.starts(with: SavedSchema.magic) {
            // Stays open until the process ends. Closing it would drop SQLite's locks on this file, which another
            // argument may hold (fcntl(2)).
            isKept = true
            if path == [UInt8(ascii: "-")] {
                throw SnapshotFailure(path: path, "holds saved scans, which cannot be read from standard input")
            }
            var file = try SavedScans(path)
            if isToBeHashed {
                // SQLite's locks are advisory, and a comparison may take hours.
                lseek(descriptor, 0, SEEK_SET)
                let copy = try ScratchCopy(of: descriptor, behind: [], path)
                file = try SavedScans(path, copiedTo: copy.descriptor)
                self.copy = copy
            } else {
                copy = nil
            }
            let scan = try file.scan(selector)
            source = try SavedScanSource(file, scan)
            saved = (file, scan)
            digest = copy?.digest
            return
        }
        var isSeekable = lseek(descriptor, 0, SEEK_SET) == 0
        if isToBeHashed {
            let copy = try ScratchCopy(of: descriptor, behind: isSeekable ? [] : beginning, path)
            close(descriptor)
            isKept = true
            descriptor = copy.descriptor
            beginning = try Self.beginning(of: descriptor, path)
            isSeekable = lseek(descriptor, 0, SEEK_SET) == 0
            self.copy = copy
        } else {
            copy = nil
        }
        let input = SnapshotInput(
            path: path, descriptor: descriptor, beginning: beginning, isSeekable: isSeekable, selector: selector,
            otherRoots: otherRoots, algorithm: algorithm, progress: progress)
        if isSeekable, let progress {
            var status = stat()
            if fstat(descriptor, &status) == 0 { progress.begin(size: Int64(status.st_size)) }
        }
        saved = nil
        digest = copy?.digest
        source = try format.open(input)
    }

    private static func beginning(of descriptor: Int32, _ path: [UInt8]) throws(SnapshotFailure) -> [UInt8] {
        do throws(Errno) {
            return try Kernel.contents(of: descriptor, limit: SnapshotInput.beginningSize)
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }
}
