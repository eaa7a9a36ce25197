import Synchronization
import WorkStealing

/// The actors that read inodes with several links, so that each inode is read once.
///
/// An inode leaves the table when all its links have been met, or at the end of the scan.
final class LinkedFiles: Sendable {
    private struct Place {
        let reader: FileScan
        var met: UInt32
    }

    private let places = Mutex<[DeviceInode: Place]>([:])

    /// - Parameter mayLeave: no link of this inode can be met twice.
    func reader(of status: borrowing FileStatus, mayLeave: Bool, scheduler: SchedulerID) -> FileScan {
        let identity = status.identity
        let links = status.links
        return places.withLock { places in
            var place = places[identity] ?? Place(reader: FileScan(scheduler: scheduler), met: 0)
            place.met &+= 1
            places[identity] = mayLeave && place.met >= links ? nil : place
            return place.reader
        }
    }
}
