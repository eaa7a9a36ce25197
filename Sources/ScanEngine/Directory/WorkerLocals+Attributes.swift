import CLinux
import Entries
import LinuxKernel
import Synchronization

/// The result of `extendedAttributes`, or the reason for its failure.
typealias AttributesResult = Result<ReadAttributes, ContentFailure>

/// The extended attributes of an inode.
struct ReadAttributes: Sendable {
    /// In the order of their names; nil if not requested.
    var list: [ExtendedAttribute]?
    /// The attributes exceed the limit of a record: `list` is the one attribute of `AttributeReader.digestName`.
    var isDigest = false

    /// The error that accompanies a digest in place of attributes.
    static let tooLarge = ErrorCause(
        operation: "getxattr", code: Errno.tooLarge.name, message: "Extended attributes are too large: kept as a digest"
    )
}

extension Errno {
    fileprivate static let tooLarge = Errno(E2BIG)
}

extension WorkerLocals {
    /// Reads the extended attributes of an entry that is not open, if requested.
    ///
    /// The inode is pinned first and must be the one that was stat'ed; its attributes are read through that descriptor.
    func extendedAttributes(
        of entry: borrowing NamedEntry, _ status: borrowing FileStatus
    ) -> AttributesResult {
        guard context.readsAttributes else { return .success(ReadAttributes()) }
        do throws(ContentFailure) {
            let (name, directory) = (entry.cString, entry.descriptor)
            let opened = try opening { () throws(ContentFailure) in
                do throws(Errno) {
                    return try Kernel.openPath(name, in: directory)
                } catch {
                    throw .call("openat", error)
                }
            }
            var now = FileStatus()
            do throws(Errno) {
                try Kernel.status(of: opened.number, .basic, into: &now)
                guard now.identity == status.identity else { throw .stale }
            } catch {
                throw .call("openat", error)
            }
            // Subdirectories count as links of a directory, but are not names of it.
            let links = entry.kind == .directory ? 1 : UInt64(status.links)
            if links > 1, let known = context.largeAttributes.known(of: status) { return .success(known) }
            let read = try AttributeReader(links: links).read(opened.number, isPathOnly: true)
            if links > 1, read.isDigest { context.largeAttributes.keep(read, of: status) }
            return .success(read)
        } catch {
            return .failure(error)
        }
    }

    /// Of a directory that is open for listing.
    func extendedAttributes(
        ofDirectory number: Int32, at path: EntryPath, into subtree: inout SubtreeAccumulator
    ) -> [ExtendedAttribute]? {
        do throws(ContentFailure) {
            let read = try AttributeReader(links: 1).read(number, isPathOnly: false)
            if read.isDigest { report(ReadAttributes.tooLarge, at: path, into: &subtree.subtotal) }
            return read.list
        } catch {
            report(error.cause, at: path, into: &subtree.subtotal)
            return nil
        }
    }
}

/// Reads the extended attributes of one inode, within a budget.
///
/// The owner of a file can give it thousands of attributes of 64 KiB each, and thousands of names that each have a
/// record. So an inode has 1 MiB for the attributes in all its records. Above that, a single attribute with an empty
/// name, which no file system has, replaces them. Its value is
///
/// ```
///  SHA-256( length of name, 8 bytes, little-endian │ name │ length of value, likewise │ value │ … )   by name
/// ```
struct AttributeReader: ~Copyable {
    static let digestName: [UInt8] = []

    /// For names and values, in bytes, for all names of an inode together.
    private static let bytesOfInode = 1 << 20
    /// The minimum for each name. An ACL or a capability takes some hundred bytes; a backup of many hard links may have
    /// attributes of other systems' programs, of some ten thousand.
    private static let bytesOfName = 32 << 10

    private let limit: Int
    private var list: [ExtendedAttribute] = []
    private var size = 0
    /// Used once there are more than `limit` bytes.
    private var digest: MultiDigest?

    init(links: UInt64) {
        limit = max(Self.bytesOfName, Self.bytesOfInode / Int(clamping: max(1, links)))
    }

    /// - Parameter isPathOnly: the descriptor comes from `Kernel.openPath`.
    consuming func read(_ descriptor: Int32, isPathOnly: Bool) throws(ContentFailure) -> ReadAttributes {
        let names: [[UInt8]]
        do throws(Errno) {
            names = try Kernel.attributeNames(of: descriptor, isPathOnly: isPathOnly)
        } catch {
            throw .call("listxattr", error)
        }
        for name in names {
            let value: [UInt8]?
            do throws(Errno) {
                value = try Kernel.attribute(name, of: descriptor, isPathOnly: isPathOnly)
            } catch {
                throw .call("getxattr", error)
            }
            if let value { try add(ExtendedAttribute(name: name, value: value)) }
        }
        guard digest != nil else { return ReadAttributes(list: list) }
        var value: [UInt8] = []
        digest!.finishLane(0, appendingTo: &value)
        return ReadAttributes(list: [ExtendedAttribute(name: Self.digestName, value: value)], isDigest: true)
    }

    private mutating func add(_ attribute: ExtendedAttribute) throws(ContentFailure) {
        size += attribute.name.count + attribute.value.count
        if digest != nil { return feed(attribute) }
        list.append(attribute)
        if size <= limit { return }
        // An OpenSSL configured without SHA-256: then there is only the error.
        guard let methods = try? DigestMethods(DigestSet([.sha256])) else { throw .call("getxattr", .tooLarge) }
        digest = MultiDigest(methods)
        digest!.beginLane(0)
        for kept in list { feed(kept) }
        list = []
    }

    private mutating func feed(_ attribute: ExtendedAttribute) {
        for bytes in [attribute.name, attribute.value] {
            withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { digest!.updateLane(0, $0) }
            bytes.withUnsafeBytes { digest!.updateLane(0, $0) }
        }
    }
}

/// The replacement for attributes that are too large, of inodes with several names: read once, however many names there
/// are.
final class LargeAttributes: Sendable {
    private struct Known: Sendable {
        let ctime: FileTime
        let read: ReadAttributes
    }

    private let inodes = Mutex<[DeviceInode: Known]>([:])

    /// Nil also if the inode has changed since.
    func known(of status: borrowing FileStatus) -> ReadAttributes? {
        let (identity, ctime) = (status.identity, status.ctime)
        return inodes.withLock { inodes in
            guard let known = inodes[identity], known.ctime == ctime else { return nil }
            return known.read
        }
    }

    func keep(_ read: ReadAttributes, of status: borrowing FileStatus) {
        let (identity, ctime) = (status.identity, status.ctime)
        let known = Known(ctime: ctime, read: read)
        inodes.withLock { $0[identity] = known }
    }
}
