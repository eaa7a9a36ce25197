import Glibc
import Snapshots

/// `--files-from`: PATHs in a file, separated by NUL, as `find -print0` writes them.
enum FilesFrom {
    /// Reads `path` as `InputFile` opens it. The last PATH may lack its NUL; an empty one in between is kept, and is a
    /// PATH that does not exist.
    static func read(_ path: [UInt8]) throws(SnapshotFailure) -> [[UInt8]] {
        let descriptor = try InputFile.open(path)
        defer { close(descriptor) }
        do throws(SystemError) {
            return split(try readAll(descriptor))
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }

    static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        var paths = bytes.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
        if paths.last?.isEmpty == true { paths.removeLast() }
        return paths
    }

    private static func readAll(_ descriptor: CInt) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw SystemError(errno) }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
    }
}
