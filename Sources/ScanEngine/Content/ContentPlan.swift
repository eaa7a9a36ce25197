import Synchronization
import WorkStealing

/// What a scan does with the content of files, settled before it starts.
final class ContentPlan: Sendable {
    let methods: DigestMethods
    let wantsTypes: Bool
    let readsPseudo: Bool
    /// In bytes: larger files are not read.
    let maximumRead: Int64
    let answers = MIMECache()
    let linkedFiles = LinkedFiles()
    /// The digests of no bytes: those of FIFOs, sockets and devices.
    let emptyRow: [UInt8]

    var set: DigestSet { methods.set }

    /// - Returns: nil if no content is to be read.
    /// - Throws: `ScanUnavailable` where a library on this machine cannot do what is asked for.
    init?(_ options: ScanOptions) throws(ScanUnavailable) {
        guard !options.hash.isEmpty || options.mime else { return nil }
        do throws(DigestUnavailable) {
            methods = try DigestMethods(DigestSet(options.hash))
        } catch {
            throw ScanUnavailable(option: "--hash", message: error.message)
        }
        wantsTypes = options.mime
        readsPseudo = options.readPseudo
        maximumRead = options.maxRead
        if options.mime {
            // Tried once here, so that a missing database ends the program and not every file.
            do throws(MIMEUnavailable) {
                _ = try MIMEDetector(cache: answers)
            } catch {
                throw ScanUnavailable(option: "--mime", message: error.message)
            }
        }
        var digest = MultiDigest(methods)
        var row: [UInt8] = []
        digest.digest(UnsafeRawBufferPointer(start: nil, count: 0), appendingTo: &row)
        emptyRow = row
    }

    /// Files up to this size, in bytes, are read within the message that met them; larger ones become messages of their
    /// own. About 5 ms of SHA-256: others wait no longer for what this worker has in its deque.
    static let inlineSize: Int64 = 8 << 20
}

/// Something that was asked for and that this machine's libraries cannot do.
public struct ScanUnavailable: Error, Sendable {
    /// The option that asked for it: `--hash`, `--mime`.
    public let option: String
    /// A sentence for people.
    public let message: String
}

/// What is known about the content of an entry.
struct ContentAnswer: Sendable {
    /// The digests, as a row of the scan's `DigestSet`; nil where they are not known.
    var row: [UInt8]?
    /// The MIME type of a regular file; nil where it was not asked for or is not known.
    var type: String?
    /// Where a symlink points; nil where that was not asked for or cannot be read.
    var target: [UInt8]?
    /// The file changed while it was read.
    var hasChanged = false
}

/// The actors that read inodes with several links, so that each is read once.
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
