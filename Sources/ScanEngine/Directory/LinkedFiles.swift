import LinuxKernel
import Synchronization
import WorkStealing

/// The content of a file, and its status at that time.
final class KnownContent: Sendable {
    let result: Result<FileContent, ContentFailure>
    private let status: ContentStatus

    init(_ result: Result<FileContent, ContentFailure>, _ status: ContentStatus) {
        self.result = result
        self.status = status
    }

    /// Whether the answer applies to a file with this status.
    func describes(_ status: ContentStatus) -> Bool { self.status.describesSameContent(as: status) }
}

/// Inodes with several links, so that each is read once.
///
/// While an inode is being read its place holds the actor that reads it, afterwards only the answer: scanning one of
/// many hard-linked backups meets millions of inodes whose other links are never seen. An inode leaves the table when
/// all its links have been found, or at the end of the scan.
final class LinkedFiles: Sendable {
    private enum Place {
        case reading(DeferredRead)
        case known(KnownContent)
    }

    /// What to do about a link.
    enum Meeting {
        case known(Result<FileContent, ContentFailure>)
        case read(DeferredRead)
    }

    private let places = Mutex<[DeviceInode: (place: Place, met: UInt32)]>([:])

    /// - Parameter mayLeave: no link of this inode can be found twice.
    func meet(_ status: borrowing FileStatus, mayLeave: Bool, scheduler: SchedulerID) -> Meeting {
        let (identity, links, now) = (status.identity, status.links, ContentStatus(status))
        return places.withLock { places in
            let (known, metBefore) = places[identity] ?? (.reading(DeferredRead(scheduler: scheduler)), 0)
            var place = known
            if case .known(let content) = place, !content.describes(now) {
                place = .reading(DeferredRead(scheduler: scheduler))
            }
            let met = metBefore &+ 1
            places[identity] = mayLeave && met >= links ? nil : (place, met)
            return switch place {
            case .reading(let reader): .read(reader)
            case .known(let content): .known(content.result)
            }
        }
    }

    /// `reader` has read the inode: links not yet found need not ask it.
    func settle(_ identity: DeviceInode, _ reader: DeferredRead, _ content: KnownContent) {
        places.withLock { places in
            guard let (place, met) = places[identity], case .reading(let current) = place, current === reader else {
                return
            }
            places[identity] = (.known(content), met)
        }
    }
}
