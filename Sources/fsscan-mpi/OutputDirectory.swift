import Glibc
import LinuxKernel
import ScanEngine

/// A directory for several files: the parts of records, or a journal.
enum OutputDirectory {
    /// Makes the directory. It must be empty if it exists: files of an earlier scan would count as files of this one.
    static func make(_ directory: [UInt8], mode: UInt32?) throws(OutputError) {
        // As for files: what root writes is for root alone. Those who may read may search.
        let own = mode.map { $0 | ($0 & 0o444) >> 2 } ?? (geteuid() == 0 ? 0o700 : 0o777)
        let isMade = withCString(directory) { mkdir($0, own) } == 0
        let code = errno
        if isMade { return }
        guard code == EEXIST else { throw OutputError(path: directory, cause: PlaceError(Errno(code))) }
        guard let listing = withCString(directory, { opendir($0) }) else {
            throw OutputError(path: directory, cause: PlaceError(Errno(errno)))
        }
        defer { closedir(listing) }
        var count = 0
        while readdir(listing) != nil { count += 1 }
        // Besides . and ..
        if count > 2 { throw OutputError(path: directory, cause: PlaceError(Errno(ENOTEMPTY))) }
    }
}
