import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// The place of a saved scan's tree.
enum VerifiedPlace {
    /// The PATHs to scan now: as given, if they mean the same from the current directory.
    static func roots(of scan: SavedScan) -> [[UInt8]] {
        guard let directory = scan.workingDirectory, !isWorkingDirectory(directory) else { return scan.options.paths }
        return scan.absoluteRoots
    }

    static func absolute(_ path: [UInt8]) throws(SnapshotFailure) -> [UInt8] {
        if path.first == UInt8(ascii: "/") { return path }
        guard let name = getcwd(nil, 0) else { throw SnapshotFailure(path: nil, String(cString: strerror(errno))) }
        defer { free(name) }
        let directory = (0..<strlen(name)).map { UInt8(bitPattern: name[$0]) }
        return directory + (directory.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + path
    }

    /// If it is, relative PATHs are shown as given.
    private static func isWorkingDirectory(_ path: [UInt8]) -> Bool {
        var (there, here) = (stat(), stat())
        return withCString(path, { stat($0, &there) }) == 0 && stat(".", &here) == 0 && there.st_dev == here.st_dev
            && there.st_ino == here.st_ino
    }
}
