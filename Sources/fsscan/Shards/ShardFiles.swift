import Bytes
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// Reads plans and partial results.
enum ShardFiles {
    static func plan(_ path: [UInt8]) throws(SnapshotFailure) -> ScanPlan {
        try reading(path) { (bytes) throws(BinaryFailure) in try ScanPlan(bytes) }
    }

    static func shard(_ path: [UInt8]) throws(SnapshotFailure) -> ShardFile {
        try reading(path) { (bytes) throws(BinaryFailure) in try ShardFile(bytes) }
    }

    private static func reading<Value>(
        _ path: [UInt8], _ read: ([UInt8]) throws(BinaryFailure) -> Value
    ) throws(SnapshotFailure) -> Value {
        let descriptor = try InputFile.open(path)
        defer { close(descriptor) }
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try Kernel.contents(of: descriptor, limit: .max)
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
        do throws(BinaryFailure) {
            return try read(bytes)
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }
}
