import LinuxKernel
import Synchronization

/// Inodes with several links whose bytes have been counted under their MIME type: the first name with a known type
/// counts them.
///
/// Separate from `HardLinks`, because a type is known later than the name, and by then the inode may have left that
/// set. An inode leaves this one when all its links have been found.
///
/// In a part of a scan another part may be first. There the bytes count when all names have been found; those of the
/// remaining inodes count when all parts are merged.
final class TypedInodes: Sendable {
    /// A type, and the bytes that count under it.
    struct Typed: Sendable {
        let type: String
        let counts: FileCounts
    }

    private struct Inode: Sendable {
        var names: UInt32 = 0
        /// In a part of a scan: by the first name.
        var typed: Typed?
    }

    private let met = Mutex<[DeviceInode: Inode]>([:])

    /// - Parameter isPart: this is a part of a scan.
    /// - Returns: whether to count the bytes now.
    func meet(
        _ status: borrowing FileStatus, _ type: String, _ devices: borrowing DeviceTable, isPart: Bool
    ) -> Bool {
        let (identity, links) = (status.identity, status.links)
        let typed = isPart ? Typed(type: type, counts: FileCounts(status)) : nil
        let mayLeave = devices.showsLinksOnce(identity.device)
        return met.withLock { met in
            var inode = met[identity] ?? Inode(typed: typed)
            let isFirst = inode.names == 0
            inode.names &+= 1
            let isLast = mayLeave && inode.names >= links
            met[identity] = isLast ? nil : inode
            return isPart ? isLast : isFirst
        }
    }

    /// Inodes that may have names in another part.
    var open: [DeviceInode: Typed] { met.withLock { $0.compactMapValues(\.typed) } }
}

extension FileCounts {
    /// The bytes of an inode, without a name.
    init(_ status: borrowing FileStatus) {
        self.init(apparentBytes: status.size, diskBytes: status.diskBytes)
    }
}
