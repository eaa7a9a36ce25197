import LinuxKernel
import Synchronization
import WorkStealing

/// The detectors of a scan, and their answers so far: helpers, or libmagic's handles in this process if there can be no
/// helper (`MagicHelper`, `MIMEDetector`).
///
/// A handle maps its own copy of the database and keeps buffers, 11 MiB in all, and occupies a processor while it is
/// used. So there are as many handles as may run at a time, however many workers there are: more would cost memory (64
/// workers: 750 MiB) and gain nothing. A token of `resource` is the right to use one. If none is free, the caller moves
/// on: see `DeferredRead`.
package final class MIMEDetectors: Sendable {
    let resource: Resource
    private let cache = MIMECache()
    private let idle = Mutex<[Detector]>([])
    /// How many there are, idle or in use. Relaxed: the creator holds the new one; a reader with a stale number reports
    /// once more that there is none, or tries once too often.
    private let made = Atomic<Int>(0)
    /// Decided by the first one created: a scan that began with a helper never continues in its own process.
    private let means: Mutex<Means>

    private enum Means {
        case undecided(MagicProgram.Finding)
        case helper(MagicProgram, lackOfConfinement: String?)
        case library(reason: String)
    }

    /// A detector that goes from worker to worker.
    ///
    /// `@unchecked Sendable`: used by the worker that has taken it out of `idle`.
    private final class Detector: @unchecked Sendable {
        private let asked: Asked
        /// Whether an earlier file may be the cause of a failure.
        private(set) var hasAnswered = false

        private enum Asked: ~Copyable {
            case helper(MagicHelper)
            case library(MIMEDetector)
        }

        init(_ helper: consuming MagicHelper) { asked = .helper(helper) }
        init(_ library: consuming MIMEDetector) { asked = .library(library) }

        /// - Throws: `.helper` if this one is no longer usable.
        func types(ofDescriptors descriptors: [Int32]) throws(ContentFailure) -> [Result<String, ContentFailure>] {
            defer { hasAnswered = true }
            switch asked {
            case .helper(let helper): return try helper.types(ofDescriptors: descriptors)
            case .library(let library):
                return descriptors.map { descriptor in
                    do throws(ContentFailure) {
                        return .success(try library.type(ofDescriptor: descriptor))
                    } catch {
                        return .failure(error)
                    }
                }
            }
        }
    }

    package init(count: Int, _ program: MagicProgram.Finding = MagicProgram.installed) {
        resource = Resource("libmagic", limit: count)
        means = Mutex(.undecided(program))
    }

    /// How libmagic is confined; nil before `prepare()`.
    package var confinement: MIMEConfinement? {
        means.withLock { means in
            switch means {
            case .undecided: nil
            case .helper(_, nil): .confined
            case .helper(_, let reason?): .unconfined(reason: reason)
            case .library(let reason): .inProcess(reason: reason)
            }
        }
    }

    /// Creates the first one, so that a missing database ends the program instead of failing for each file.
    package func prepare() throws(MIMEUnavailable) {
        if let first = try take() { idle.withLock { $0.append(first) } }
    }

    /// The MIME type of an open regular file, as `file` reports it.
    ///
    /// - Parameters:
    ///   - reader: the file. Only its descriptor's position is used, and restored.
    ///   - head: the file's first bytes as far as they have been read, or nothing. If they are the whole file, an
    ///     answer for the same bytes is reused, and no detector is needed.
    ///   - hasToken: the caller has a token of `resource`.
    /// - Returns: nil if a detector is needed and none is free, whatever the tokens; or if it is better to ask about
    ///   several files together (`types(of:)`).
    package func type(
        of reader: borrowing FileReader, head: UnsafeRawBufferPointer, hasToken: Bool = false
    ) -> Result<String, ContentFailure>? {
        if reader.status.size == 0 { return .success("inode/x-empty") }
        let key = Self.key(of: reader, head: head)
        if let key, let known = cache.type(for: key) { return .success(known) }
        if hasToken { return answer(about: reader, key) }
        if asksForSeveral { return nil }
        guard let token = resource.tryTake() else { return nil }
        let answer = answer(about: reader, key)
        _ = consume token
        return answer
    }

    /// The cache key of an answer; nil if `head` is not the whole file.
    static func key(of reader: borrowing FileReader, head: UnsafeRawBufferPointer) -> MIMECache.Key? {
        guard Int64(head.count) == reader.status.size else { return nil }
        return MIMECache.Key(content: head, isExecutable: reader.status.isExecutable)
    }

    /// For a caller that has waited for a token: the answer for a copy of the file may have come meanwhile.
    ///
    /// - Returns: nil if there is no handle for the token.
    func type(of reader: borrowing FileReader, _ key: MIMECache.Key?) -> Result<String, ContentFailure>? {
        if let key, let known = cache.type(for: key) { return .success(known) }
        return answer(about: reader, key)
    }

    /// Whether asking about several files at a time is worthwhile: each question costs a round trip to another process.
    private var asksForSeveral: Bool {
        means.withLock { means in
            if case .helper = means { true } else { false }
        }
    }

    static let mostFiles = MagicHelper.mostFiles

    /// For a caller with a token, and up to `mostFiles` files.
    ///
    /// - Returns: nil if there is no handle for the token.
    func types(of files: [UntypedFile]) -> [Result<String, ContentFailure>]? {
        guard let results = detect(files.map { $0.reader.file.number }) else { return nil }
        for (file, result) in zip(files, results) {
            if let key = file.key, case .success(let type) = result { cache.insert(type, for: key) }
        }
        return results
    }

    /// For a caller with a token.
    private func answer(about reader: borrowing FileReader, _ key: MIMECache.Key?) -> Result<String, ContentFailure>? {
        let answer = detect(reader)
        if let key, case .success(let type) = answer { cache.insert(type, for: key) }
        return answer
    }

    private func detect(_ reader: borrowing FileReader) -> Result<String, ContentFailure>? {
        detect([reader.file.number])?[0]
    }

    /// - Parameter files: up to `mostFiles`.
    /// - Returns: nil if there is no detector.
    private func detect(_ files: [Int32]) -> [Result<String, ContentFailure>]? {
        do throws(MIMEUnavailable) {
            guard let detector = try take() else { return nil }
            let isAlone = files.count == 1 && !detector.hasAnswered
            do throws(ContentFailure) {
                let results = try detector.types(ofDescriptors: files)
                idle.withLock { $0.append(detector) }
                return results
            } catch {
                made.subtract(1, ordering: .relaxed)
                if isAlone { return [.failure(error)] }
            }
            return try detectOneByOne(files)
        } catch {
            return files.map { _ in .failure(.type(message: error.message, error: nil)) }
        }
    }

    /// One of the files, or one before them, has crashed a detector. Asks about each alone, until one crashes a
    /// detector that has answered nothing else.
    private func detectOneByOne(_ files: [Int32]) throws(MIMEUnavailable) -> [Result<String, ContentFailure>]? {
        var results: [Result<String, ContentFailure>] = []
        var kept: Detector?
        defer { if let kept { idle.withLock { $0.append(kept) } } }
        while results.count < files.count {
            if kept == nil { kept = try make() }
            guard let detector = kept else { return nil }
            let isNew = !detector.hasAnswered
            do throws(ContentFailure) {
                results += try detector.types(ofDescriptors: [files[results.count]])
            } catch {
                kept = nil
                made.subtract(1, ordering: .relaxed)
                if isNew { results.append(.failure(error)) }
            }
        }
        return results
    }

    private func take() throws(MIMEUnavailable) -> Detector? {
        if let taken = idle.withLock({ $0.popLast() }) { return taken }
        return try make()
    }

    /// - Returns: nil if another one cannot be created, perhaps for lack of descriptors. Existing ones come back,
    ///   because each is used in a message that waits for nothing.
    private func make() throws(MIMEUnavailable) -> Detector? {
        do throws(MIMEUnavailable) {
            let detector = try create()
            made.add(1, ordering: .relaxed)
            return detector
        } catch {
            if made.load(ordering: .relaxed) > 0 { return nil }
            throw error
        }
    }

    private func create() throws(MIMEUnavailable) -> Detector {
        switch means.withLock({ $0 }) {
        case .library: return Detector(try MIMEDetector())
        case .undecided(.missing(let reason)): return try createInProcess(because: reason)
        case .helper(let program, _), .undecided(.found(let program)):
            do throws(MagicHelper.Start) {
                let helper = try MagicHelper(program)
                means.withLock { $0 = .helper(program, lackOfConfinement: helper.lackOfConfinement) }
                return Detector(helper)
            } catch {
                switch error {
                case .failed(let message): throw MIMEUnavailable(message: message)
                case .impossible(let message):
                    if case .helper = means.withLock({ $0 }) { throw MIMEUnavailable(message: message) }
                    return try createInProcess(because: message)
                }
            }
        }
    }

    private func createInProcess(because reason: String) throws(MIMEUnavailable) -> Detector {
        let detector = Detector(try MIMEDetector())
        means.withLock { $0 = .library(reason: reason) }
        return detector
    }
}
