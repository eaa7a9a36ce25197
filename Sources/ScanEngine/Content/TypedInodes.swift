import LinuxKernel
import Synchronization

/// Inodes with several links whose bytes have been counted under their MIME type: the name that tells first counts them.
///
/// Not the business of `HardLinks`: a type is known later than the name, and when it is known the inode may have left
/// that set. An inode leaves this one when all its links have been met.
final class TypedInodes: Sendable {
    private let met = Mutex<[DeviceInode: UInt32]>([:])

    /// - Returns: whether this is the first name of the inode.
    func meet(_ status: borrowing FileStatus, _ devices: borrowing DeviceTable) -> Bool {
        let (identity, links) = (status.identity, status.links)
        let mayLeave = devices.showsLinksOnce(identity.device)
        return met.withLock { met in
            let before = met[identity] ?? 0
            met[identity] = mayLeave && before + 1 >= links ? nil : before &+ 1
            return before == 0
        }
    }
}
