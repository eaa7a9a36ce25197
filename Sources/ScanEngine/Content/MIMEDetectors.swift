import Synchronization
import WorkStealing

/// The libmagic handles of a scan, and what they have answered.
///
/// A handle maps its own copy of the database and keeps buffers, 11 MiB in all, and uses a processor when it is used. So
/// there are as many as may run at a time, however many workers there are: more of them would cost memory (64 workers:
/// 750 MiB) and gain nothing. A token of `resource` is the right to use one. Who finds none free goes on with something
/// else: see `FileScan`.
package final class MIMEDetectors: Sendable {
    let resource: Resource
    private let cache = MIMECache()
    private let idle = Mutex<[Detector]>([])
    /// Whether there is a handle, idle or in use. Set once; relaxed, as who makes the first one has the others behind it.
    private let hasHandle = Atomic<Bool>(false)

    /// A detector that goes from hand to hand.
    ///
    /// `@unchecked Sendable`: used by who has taken it out of `idle`.
    private final class Detector: @unchecked Sendable {
        var detector: MIMEDetector
        init(_ detector: consuming MIMEDetector) { self.detector = detector }
    }

    package init(count: Int) { resource = Resource("libmagic", limit: count) }

    /// Makes the first handle, so that a missing database ends the program and not each file.
    package func prepare() throws(MIMEUnavailable) {
        if let first = try take() { giveBack(first) }
    }

    /// The MIME type of an open regular file, as `file` would say it.
    ///
    /// - Parameters:
    ///   - reader: the file. Only its descriptor's position is used, and put back.
    ///   - head: the file's first bytes as far as they have been read, or nothing. Where they are the whole file, an
    ///     answer for the same bytes is used again, and no detector is needed.
    ///   - hasToken: the caller has a token of `resource`.
    /// - Returns: nil if a detector is needed and none is free, whatever tokens are.
    package func type(
        of reader: borrowing FileReader, head: UnsafeRawBufferPointer, hasToken: Bool = false
    ) -> Result<String, ContentFailure>? {
        if reader.status.size == 0 { return .success("inode/x-empty") }
        let key = Self.key(of: reader, head: head)
        if let key, let known = cache.type(for: key) { return .success(known) }
        if hasToken { return ask(about: reader, key) }
        guard let token = resource.tryTake() else { return nil }
        let answer = ask(about: reader, key)
        _ = consume token
        return answer
    }

    /// What an answer is kept under; nil where `head` is not the whole file.
    static func key(of reader: borrowing FileReader, head: UnsafeRawBufferPointer) -> MIMECache.Key? {
        guard Int64(head.count) == reader.status.size else { return nil }
        return MIMECache.Key(content: head, isExecutable: reader.status.isExecutable)
    }

    /// For who has waited for a token: a copy of the file may have been told meanwhile.
    ///
    /// - Returns: nil if there is no handle for the token.
    func type(of reader: borrowing FileReader, _ key: MIMECache.Key?) -> Result<String, ContentFailure>? {
        if let key, let known = cache.type(for: key) { return .success(known) }
        return ask(about: reader, key)
    }

    /// For who has a token.
    private func ask(about reader: borrowing FileReader, _ key: MIMECache.Key?) -> Result<String, ContentFailure>? {
        let answer = detect(reader)
        if let key, case .success(let type) = answer { cache.insert(type, for: key) }
        return answer
    }

    private func detect(_ reader: borrowing FileReader) -> Result<String, ContentFailure>? {
        let available: Detector?
        do throws(MIMEUnavailable) { available = try take() } catch {
            return .failure(.type(message: error.message, error: nil))
        }
        guard let taken = available else { return nil }
        defer { giveBack(taken) }
        do throws(ContentFailure) {
            return .success(try taken.detector.type(ofDescriptor: reader.file.number))
        } catch {
            return .failure(error)
        }
    }

    /// - Returns: nil where a further handle cannot be made, for want of descriptors perhaps: those that there are come back,
    ///   as each is used in a message that waits for nothing.
    private func take() throws(MIMEUnavailable) -> Detector? {
        if let taken = idle.withLock({ $0.popLast() }) { return taken }
        do throws(MIMEUnavailable) {
            let made = Detector(try MIMEDetector())
            hasHandle.store(true, ordering: .relaxed)
            return made
        } catch {
            if hasHandle.load(ordering: .relaxed) { return nil }
            throw error
        }
    }

    private func giveBack(_ detector: Detector) { idle.withLock { $0.append(detector) } }
}
