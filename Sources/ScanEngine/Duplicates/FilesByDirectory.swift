import Bytes
import LinuxKernel
import WorkStealing

/// The files in groups, by the directory that contains them: what a listing of the directory is compared with lies
/// together in memory, while neighbours in a group are anywhere in the trees.
///
/// Must be made in a run of a scheduler. All workers take part, twice:
///
/// ```
///   groups, a range of them each ──▶ files of the range, by shard ──▶ a shard each: a table of directories
/// ```
struct FilesByDirectory: Sendable {
    /// A name of a file in a group.
    struct File: Sendable {
        let path: [UInt8]
        let identity: DeviceInode
        let group: Int32
        /// Permission bits.
        let mode: UInt32
        let size: Int64
        let diskBytes: Int64
    }

    /// Each has its files in the order of their inodes.
    private var shards: [[PathPrefix: [File]]]

    private static let shardCount = 16

    init(_ groups: [DuplicateGroup], below roots: SearchedRoots) {
        typealias Found = [(directory: Int, file: File)]
        var found = [[Found]](repeating: Array(repeating: [], count: Self.shardCount), count: Self.shardCount)
        let length = groups.count / Self.shardCount + 1
        Scheduler.parallelFor(changing: &found, grain: 1) { part, lists in
            for index in min(part * length, groups.count)..<min((part + 1) * length, groups.count) {
                groups[index].forEachPath { path, inode in
                    guard let directory = roots.parent(of: path) else { return true }
                    let file = File(
                        path: path, identity: inode.identity, group: Int32(index),
                        mode: inode.status.mode & 0o7777, size: inode.status.size,
                        diskBytes: inode.status.allocatedBytes)
                    lists[Self.shard(of: directory)].append((directory.count, file))
                    return true
                }
            }
        }
        shards = Array(repeating: [:], count: Self.shardCount)
        Scheduler.parallelFor(changing: &shards, grain: 1) { [found] shard, table in
            for lists in found {
                for (directory, file) in lists[shard] {
                    table[PathPrefix(file.path, directory), default: []].append(file)
                }
            }
            for index in table.values.indices {
                table.values[index].sort { $0.identity.inode < $1.identity.inode }
            }
        }
    }

    /// The last bytes of paths differ most.
    private static func shard(of directory: PathPrefix) -> Int {
        directory.withBytes { bytes in
            bytes.suffix(8).reduce(bytes.count) { ($0 &* 31) &+ Int($1) } % shardCount
        }
    }

    var directories: [PathPrefix] { shards.flatMap(\.keys) }

    /// The files in groups that a directory contains.
    func files(in directory: PathPrefix) -> [File] { shards[Self.shard(of: directory)][directory] ?? [] }
}

extension [FilesByDirectory.File] {
    /// - Parameter self: in the order of their inodes.
    /// - Returns: the file of this inode and name; nil if there is none.
    func file(_ identity: DeviceInode, _ name: UnsafeRawBufferPointer) -> Element? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].identity.inode < identity.inode { low = middle + 1 } else { high = middle }
        }
        // Names of one inode follow each other.
        while low < count, self[low].identity.inode == identity.inode {
            if self[low].identity == identity, self[low].path.hasName(name) { return self[low] }
            low += 1
        }
        return nil
    }
}

extension [UInt8] {
    /// Whether the last component of this path is a name.
    fileprivate func hasName(_ name: UnsafeRawBufferPointer) -> Bool {
        withUnsafeBytes { path in
            let start = path.count - name.count
            return start > 0 && path[start - 1] == UInt8(ascii: "/")
                && UnsafeRawBufferPointer(rebasing: path[start...]).isEqual(to: name)
        }
    }
}
