import CLinux
import Formats
import Glibc
import Ignore
import LinuxKernel
import Snapshots

/// A list of PATHs, or of patterns, in a file or on standard input.
struct FilesFrom {
    /// The option that names it.
    let option: String
    /// `-` is standard input.
    let file: [UInt8]
    private let separator: UInt8

    /// `--files-from`: separated by NUL, as `find -print0` writes them.
    static func nulSeparated(_ file: [UInt8]) -> FilesFrom {
        FilesFrom(option: "--files-from", file: file, separator: 0)
    }

    /// `--files-from-lines`: one per line.
    static func lines(_ file: [UInt8]) -> FilesFrom {
        FilesFrom(option: "--files-from-lines", file: file, separator: newline)
    }

    /// `--exclude-from`: patterns, one per line.
    static func patterns(_ file: [UInt8]) -> FilesFrom {
        FilesFrom(option: "--exclude-from", file: file, separator: newline)
    }

    private static let newline = UInt8(ascii: "\n")

    var isStandardInput: Bool { file == [UInt8(ascii: "-")] }

    /// Reads the list, or throws the reason why it is invalid.
    func paths() throws(UsageError) -> [[UInt8]] {
        let paths = split(try contents())
        if let lines = paths.first(where: { Self.isListOfLines($0, alone: paths.count == 1) }) {
            throw UsageError(
                option, CarriedArgument(bytes: lines),
                "is not a PATH: NUL separates PATHs here (find -print0); for one PATH per line use --files-from-lines"
            )
        }
        return paths
    }

    /// Reads the list as one of patterns.
    func patterns() throws(UsageError) -> [[UInt8]] { IgnoreRules.patterns(inFile: try contents()) }

    private func contents() throws(UsageError) -> [UInt8] {
        do throws(SnapshotFailure) {
            return try read()
        } catch {
            throw UsageError(option, CarriedArgument(bytes: file), "cannot be read: \(error.message)")
        }
    }

    /// The last PATH may lack its separator. Between two NULs is an empty PATH, which does not exist; an empty line is
    /// ignored.
    func split(_ bytes: [UInt8]) -> [[UInt8]] {
        let isLines = separator == Self.newline
        var paths = bytes.split(separator: separator, omittingEmptySubsequences: isLines).map(Array.init)
        if paths.last?.isEmpty == true { paths.removeLast() }
        return paths
    }

    /// Whether it is probably a list of lines that was given as NUL-separated: the PATH is not a possible name or, if
    /// it is the only one, does not exist.
    static func isListOfLines(_ path: [UInt8], alone: Bool) -> Bool {
        guard path.contains(newline) else { return false }
        if path.count >= Int(PATH_MAX) { return true }
        var status = stat()
        guard alone, withCString(path, { lstat($0, &status) }) != 0 else { return false }
        return [ENOENT, ENOTDIR, ENAMETOOLONG].contains(errno)
    }

    /// As `InputFile` opens it.
    private func read() throws(SnapshotFailure) -> [UInt8] {
        let descriptor = try InputFile.open(file)
        defer { close(descriptor) }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_size > Self.sizeLimit {
            throw SnapshotFailure(path: file, Errno(EFBIG).message)
        }
        do throws(Errno) {
            return try Self.readAll(descriptor)
        } catch {
            throw SnapshotFailure(path: file, error.message)
        }
    }

    /// It is held in memory. The limit has room for ten million PATHs; a file with 1 TiB of holes costs an attacker
    /// nothing.
    private static let sizeLimit = 1 << 30

    private static func readAll(_ descriptor: CInt) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw Errno(errno) }
            if count == 0 { return bytes }
            if bytes.count + count > sizeLimit { throw Errno(EFBIG) }
            bytes += piece[..<count]
        }
    }
}
