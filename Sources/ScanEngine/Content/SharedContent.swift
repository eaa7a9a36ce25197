package import Entries
import WorkStealing

/// The content that a scan reads, and the state that its workers share for reading it.
package final class SharedContent: Sendable {
    /// Nil without `--hash`.
    package let methods: DigestMethods?
    /// Nil without `--mime`.
    package let detectors: MIMEDetectors?
    /// Larger files are not read (`--max-read`), in bytes.
    package let maxRead: Int64
    /// Files with more bytes in holes are not read (`--max-holes`).
    package let maxHoles: Int64
    /// Read files of pseudo file systems too.
    package let readsPseudo: Bool
    /// The content that need not be read; nil without `--baseline`.
    let baseline: ContentBaseline?
    let typedInodes = TypedInodes()
    /// Files that are read in pieces: each keeps a descriptor and digest contexts from message to message.
    let largeFiles: Resource
    /// Files that wait for a detector: each keeps a descriptor.
    let openFiles: Resource
    /// Directories and slices whose files are being read, including those that wait for a detector: see
    /// `DirectoryPlace`. Nil if nothing has to wait.
    let directories: Resource?
    /// Digests of zero bytes: those of FIFOs, sockets and devices. Empty without `--hash`.
    package let rowOfNothing: [UInt8]

    /// The limits on simultaneous work.
    package struct Limits: Sendable {
        /// Files that are read in pieces.
        package var largeFiles = 1
        /// Files that are kept open until libmagic has determined their type.
        package var openFiles = 1
        /// libmagic handles.
        package var detectors = 1
        /// Directories whose files are read.
        package var directories = 1
    }

    /// - Throws: `DigestUnavailable`, before anything is scanned.
    package init(
        digests: DigestSet, mime: Bool, maxRead: Int64 = 1 << 40, maxHoles: Int64 = 64 << 30, readsPseudo: Bool = false,
        limits: Limits = Limits(), baseline: ContentBaseline? = nil
    ) throws(DigestUnavailable) {
        let methods = digests.isEmpty ? nil : try DigestMethods(digests)
        var row: [UInt8] = []
        if let methods {
            var digest = MultiDigest(methods)
            digest.digest(UnsafeRawBufferPointer(start: nil, count: 0), appendingTo: &row)
        }
        self.methods = methods
        detectors = mime ? MIMEDetectors(count: limits.detectors) : nil
        // Depth-first, as the walk is.
        directories = mime ? Resource("directories", limit: limits.directories, serving: .newestFirst) : nil
        largeFiles = Resource("large files", limit: limits.largeFiles)
        openFiles = Resource("open files", limit: limits.openFiles)
        self.maxRead = maxRead
        self.maxHoles = maxHoles
        self.readsPseudo = readsPseudo
        self.baseline = baseline
        self.rowOfNothing = row
    }
}

extension SharedContent {
    /// The algorithms; none without `--hash`.
    package var set: DigestSet { methods?.set ?? DigestSet([]) }

    /// Whether a file takes more than one message: it is large, and digests are requested.
    func isReadInPieces(size: Int64) -> Bool {
        methods != nil && size > ContentReader.messageBytes
    }

    /// - Returns: nil if no content is to be read.
    /// - Throws: `ScanUnavailable` if a library on this machine cannot do what the options ask for.
    static func make(
        _ options: ScanOptions, limits: Limits, baseline: ContentBaseline? = nil
    ) throws(ScanUnavailable) -> SharedContent? {
        guard !options.hash.isEmpty || options.mime else { return nil }
        let shared: SharedContent
        do throws(DigestUnavailable) {
            shared = try SharedContent(
                digests: DigestSet(options.hash), mime: options.mime, maxRead: options.maxRead,
                maxHoles: options.maxHoles, readsPseudo: options.readPseudo, limits: limits, baseline: baseline)
        } catch {
            throw ScanUnavailable(option: "--hash", message: error.message)
        }
        do throws(MIMEUnavailable) {
            // Tried once here, so that a missing database ends the program instead of failing for each file.
            try shared.detectors?.prepare()
        } catch {
            throw ScanUnavailable(option: "--mime", message: error.message)
        }
        return shared
    }
}

/// An option needs something that this machine's libraries cannot do.
public struct ScanUnavailable: Error, Sendable {
    /// The option: `--hash`, `--mime`.
    public let option: String
    /// A sentence for people.
    public let message: String

    package init(option: String, message: String) { (self.option, self.message) = (option, message) }
}

/// The result of reading a file. Each name of the file gets an `EntryContent` of its own, and reports a failure under its
/// own path.
package struct FileContent: Sendable {
    /// One row of digests; empty without `--hash`.
    package var digests: [UInt8] = []
    /// Nil without `--mime`. A failure here leaves the digests valid.
    package var mime: Result<String, ContentFailure>?
}

/// A file too large for one message: the state that `ContentReader.advance(_:)` needs to continue it.
///
/// At most one worker has it at a time, because it goes from message to message, and each message publishes its writes
/// to the next: that makes it safe to send.
package final class LargeFile: @unchecked Sendable {
    var reader: FileReader
    var digest: MultiDigest
    let type: Result<String, ContentFailure>?

    init(
        _ reader: consuming FileReader, _ digest: consuming MultiDigest, type: Result<String, ContentFailure>?
    ) {
        self.reader = reader
        self.digest = digest
        self.type = type
    }
}
