// `--save`: from the workers to one transaction.
//
//   worker    arena ── full ──┐ batches       a worker waits while the queue is full
//   worker    arena ── full ──┼──▶ BatchQueue ──▶ writer thread ──▶ INSERT …
//                             ┘                                       │ finish(report)
//                                                                     ▼
//                                                                  COMMIT
//
// Rows go in as they come: a scan goes through a tree depth first, so neighbours come together, and 151,000 rows of /usr
// took 0.24 s of CPU time like this, 0.25 s in sorted batches and 0.22 s in one order, for which all would have to wait for
// the end of the scan, when only one thread is left to insert them.
//
// Nothing is to be seen of a scan before it is complete: kill -9 leaves the earlier scans and a journal, which SQLite
// rolls back when the file is opened next.

import Bytes
import CLinux
import CSQLite
package import Entries
import ExternalSort
import Formats
import Glibc
package import ScanEngine
import Synchronization

/// A scan could not be saved: exit status 74.
package struct SaveFailure: Error, Equatable {
    package var path: [UInt8]
    /// In SQLite's words.
    package var message: String

    package init(path: [UInt8], message: String) {
        self.path = path
        self.message = message
    }
}

/// Writes one scan into a file of saved scans.
///
/// ```swift
/// let writer = try SavedScanWriter(path, options, label: nil, version: "0.1.0")
/// environment.outputs.append(writer)
/// let scan = try Scan(options, environment)
/// let report = scan.run()
/// try writer.finish(report)     // or `abandon()`
/// ```
package final class SavedScanWriter: EntryOutput {
    /// As it was given, for messages.
    let path: [UInt8]
    private let place: SavedPlace
    let database: Database
    private let queue = BatchQueue<SavedBatch>(limit: 16)
    private let digests: DigestSet
    /// Without `--hash` and `--mime` there is no content to take over.
    private let hasContent: Bool
    /// Before the scan starts.
    private let start = Timing.now
    private let roots: [[UInt8]]
    /// Bytes of a batch: fewer where there are many workers, each of which fills one.
    private let batchSize: Int
    /// The number of this scan in the file.
    package let scan: Int64
    /// Set by the writer thread, once. Relaxed: it only ends the scan early; `failure` is read after the thread was joined.
    private let isFailed = Atomic<Bool>(false)
    private let failure = Mutex<DatabaseError?>(nil)
    private let thread = Mutex<pthread_t?>(nil)
    /// False where the system refuses a thread (a limit on processes): then the worker that brings a batch inserts it.
    /// Set by `init` alone, before there are workers: relaxed.
    private let hasThread = Atomic<Bool>(true)
    /// Used by workers where there is no writer thread, one at a time.
    private let insertion = Mutex<BatchInsertion?>(nil)

    /// Opens the file, or makes it, and starts the transaction. Waits for nobody: a file that another scan is being saved
    /// in is locked.
    ///
    /// - Parameter mode: that of the file; nil: as it is, or as for a report.
    package convenience init(
        _ path: [UInt8], _ options: ScanOptions, label: String?, version: String, mode: UInt32? = nil
    ) throws(SaveFailure) {
        try self.init(path, options, label: label, version: version, mode: mode, knowing: SavedSchema.known)
    }

    /// - Parameter schemas: the last of them is written.
    init(
        _ path: [UInt8], _ options: ScanOptions, label: String?, version: String, mode: UInt32? = nil,
        knowing schemas: [SavedSchema]
    ) throws(SaveFailure) {
        self.path = path
        roots = options.paths
        digests = DigestSet(options.hash)
        hasContent = !options.hash.isEmpty || options.mime
        batchSize = max(32 << 10, min(256 << 10, (16 << 20) / (options.pool ?? max(64, options.threads * 32))))
        do throws(DatabaseError) {
            (database, place) = try Self.open(path, mode: mode)
            do throws(DatabaseError) {
                scan = try Self.begin(database, options, label: label, version: version, schemas)
            } catch {
                Self.undo(database, place)
                throw error
            }
        } catch {
            throw SaveFailure(path: path, message: error.message)
        }
        startThread()
    }

    deinit { abandon() }

    /// Those of the algorithms that a file of saved scans has no column for.
    package static func missing(_ algorithms: [DigestAlgorithm]) -> [DigestAlgorithm] {
        algorithms.filter { !SavedColumn.algorithms.contains($0) }
    }

    // MARK: Opening and undoing
    //
    // Several may want to make the same file. Who made it is told by O_EXCL. Only he removes it, and only while he has it
    // locked against everybody, and nobody has saved in it: whoever opened it meanwhile, and gets the lock later, finds that
    // it has lost its name, and begins anew.

    /// Opens the file with the lock of the one who writes.
    private static func open(
        _ path: [UInt8], mode: UInt32?
    ) throws(DatabaseError) -> (database: Database, place: SavedPlace) {
        for _ in 0..<100 {
            // Before a file is made that would have to be removed again.
            if let problem = DatabaseNeighbours(of: path).problem(.create) {
                throw DatabaseError(code: 0, message: problem)
            }
            let place = try SavedPlace(path, mode: mode)
            let database: Database
            do throws(DatabaseError) {
                // Where the path leads through links, these are others.
                if let problem = DatabaseNeighbours(of: place.path).problem(.create) {
                    throw DatabaseError(code: 0, message: problem)
                }
                database = try Database(place.path, .create)
            } catch {
                if place.isNew { place.remove() }
                throw error
            }
            do throws(DatabaseError) {
                try place.confirm()
                // 12 % less time than with pages of 4 KiB; only a new file takes it.
                try database.execute("PRAGMA page_size = 8192")
                try database.execute("PRAGMA cache_size = -\(cacheKibibytes)")
                try database.execute("BEGIN IMMEDIATE")
            } catch {
                undo(database, place)
                throw error
            }
            if !database.hasMoved { return (database, place) }
            try database.execute("ROLLBACK")
        }
        throw DatabaseError(code: 0, message: "is removed again and again")
    }

    /// Nothing is kept of what was written.
    private static func undo(_ database: Database, _ place: SavedPlace) {
        try? database.execute("ROLLBACK")
        guard place.isNew, (try? database.execute("BEGIN EXCLUSIVE")) != nil else { return }
        if (try? database.integer("SELECT count(*) FROM sqlite_schema")) == 0, !database.hasMoved { place.remove() }
        try? database.execute("ROLLBACK")
    }

    private static func begin(
        _ database: Database, _ options: ScanOptions, label: String?, version: String, _ schemas: [SavedSchema]
    ) throws(DatabaseError) -> Int64 {
        guard let newest = schemas.last else { preconditionFailure("a program knows a version") }
        let isEmpty = try database.integer("SELECT count(*) FROM sqlite_schema") == 0
        let applicationID = try database.integer("PRAGMA application_id") ?? 0
        if isEmpty, applicationID == 0 {
            try newest.create(in: database)
        } else {
            let schema = try SavedSchema.of(database, schemas)
            guard schema.version == newest.version else {
                throw DatabaseError(
                    code: 0,
                    message:
                        "holds saved scans of version \(schema.version), and is left as it is: save in another file")
            }
        }
        let statement = try database.prepare(
            "INSERT INTO scans (label, host, started, ended, version, complete, options, totals)"
                + " VALUES (?, ?, '', '', ?, 0, ?, '')")
        statement.bind(0, label)
        statement.bind(1, Self.hostName)
        statement.bind(2, version)
        var json = JSONWriter(layout: .compact)
        json.object(options: options, workingDirectory: Self.workingDirectory)
        statement.bind(3, String(decoding: json.buffer.bytes, as: UTF8.self))
        try statement.run()
        return database.lastRowID
    }

    private static let cacheKibibytes = 32 << 10

    /// For `verify` from elsewhere; nil where it has none.
    private static var workingDirectory: [UInt8]? {
        guard let name = getcwd(nil, 0) else { return nil }
        defer { free(name) }
        let path = (0..<strlen(name)).map { UInt8(bitPattern: name[$0]) }
        // The kernel says (unreachable)/… of what lies outside of the root directory.
        return path.first == UInt8(ascii: "/") ? path : nil
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Root may give a machine any name; readers refuse control characters.
        let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }

    // MARK: While the scan runs

    package func makeStream() -> any EntryStream {
        let entries = BatchStream(digests: digests, roots: roots, batchSize: { [batchSize] in batchSize }) { [self] in
            take(.entries($0))
        }
        guard hasContent else { return entries }
        return PackingStream(entries, ContentPacker(digests, start: start)) { [self] in take(.content($0)) }
    }

    package var failed: Bool { isFailed.load(ordering: .relaxed) }
    package var wantsState: Bool { true }

    private func startThread() {
        // Signals go to the threads of the scan, whose blocked system calls are to be interrupted.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var created = pthread_t()
        // Joined by `finish` and `abandon`, one of which `deinit` calls: the writer outlives its thread.
        let result = pthread_create(
            &created, nil,
            { context in
                Unmanaged<SavedScanWriter>.fromOpaque(context!).takeUnretainedValue().write()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        if result == 0 {
            thread.withLock { $0 = created }
        } else {
            hasThread.store(false, ordering: .relaxed)
        }
    }

    /// The writer thread.
    private func write() {
        do throws(DatabaseError) {
            let insertion = try BatchInsertion(database, scan: scan)
            while true {
                let batches = queue.takeAll()
                if batches.isEmpty { return }
                for batch in batches { try insertion.insert(batch) }
            }
        } catch {
            fail(error)
        }
    }

    /// Of any worker.
    private func take(_ batch: SavedBatch) {
        if hasThread.load(ordering: .relaxed) { return queue.push(batch) }
        insertion.withLock { insertion in
            if failed { return }
            do throws(DatabaseError) {
                if insertion == nil { insertion = try BatchInsertion(database, scan: scan) }
                try insertion?.insert(batch)
            } catch {
                fail(error)
            }
        }
    }

    private func fail(_ error: DatabaseError) {
        failure.withLock { if $0 == nil { $0 = error } }
        isFailed.store(true, ordering: .relaxed)
        queue.close()
    }

    private func join() {
        queue.close()
        let joined = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let joined { pthread_join(joined, nil) }
        insertion.withLock { $0 = nil }
    }

    // MARK: Afterwards

    /// Makes the scan durable. To be called once, when the scan has ended and was not stopped.
    package func finish(_ report: ScanReport) throws(SaveFailure) {
        join()
        do throws(DatabaseError) {
            if let failure = failure.withLock({ $0 }) { throw failure }
            try describe(report)
            if database.hasMoved {
                throw DatabaseError(code: 0, message: "was removed or replaced while the scan ran")
            }
            // Those who read in it are waited for: it would be a pity for the scan.
            database.waitForLocks()
            try database.execute("COMMIT")
        } catch {
            abandon()
            throw SaveFailure(path: path, message: error.message)
        }
        isDone.store(true, ordering: .relaxed)
    }

    /// Nothing of the scan is kept; a file that was made for it is removed.
    package func abandon() {
        join()
        if isDone.exchange(true, ordering: .relaxed) { return }
        Self.undo(database, place)
    }

    private let isDone = Atomic<Bool>(false)

    private func describe(_ report: ScanReport) throws(DatabaseError) {
        let timing = report.timing
        let update = try database.prepare(
            "UPDATE scans SET started = ?, ended = ?, complete = 1, totals = ? WHERE id = ?")
        update.bind(
            0, Timestamp.rfc3339(seconds: timing.startedSeconds, nanoseconds: timing.startedNanoseconds) ?? "")
        let now = clinux_now(CLOCK_REALTIME)
        update.bind(1, Timestamp.rfc3339(seconds: Int64(now.tv_sec), nanoseconds: Int64(now.tv_nsec)) ?? "")
        update.bind(2, Self.json(report.totals))
        update.bind(3, scan)
        try update.run()
        let insert = try database.prepare("INSERT INTO roots VALUES (?, ?, ?, ?)")
        for (index, root) in report.roots.enumerated() {
            insert.bind(0, scan)
            insert.bind(1, Int64(index))
            insert.bind(2, blob: root.path)
            insert.bind(3, Self.json(root.totals))
            try insert.run()
        }
    }

    private static func json(_ totals: Totals) -> String {
        var json = JSONWriter(layout: .compact)
        json.object(totals: totals, .onOneLine)
        return String(decoding: json.buffer.bytes, as: UTF8.self)
    }
}

/// What a worker hands to the writer.
enum SavedBatch: Sendable {
    case entries(RecordArena)
    case content(ContentPack)
}

/// Inserts what the workers hand over. Used by one thread at a time.
private final class BatchInsertion {
    private let entries: EntryInsertion
    private let content: ContentInsertion

    init(_ database: Database, scan: Int64) throws(DatabaseError) {
        entries = try EntryInsertion(database, scan: scan)
        content = try ContentInsertion(database, scan: scan)
    }

    func insert(_ batch: SavedBatch) throws(DatabaseError) {
        switch batch {
        case .entries(let arena): for index in 0..<arena.count { try entries.insert(arena[index]) }
        case .content(let pack): try content.insert(pack)
        }
    }
}

func withCPath<R>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
    (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { body($0.baseAddress!) }
}

/// Whether the process may open the file for reading. By its effective ids: access(2) itself looks at the real ones, and
/// leaves out the capabilities of an ordinary user, such as that of the units in contrib/.
func mayRead(_ path: UnsafePointer<CChar>) -> Bool { faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0 }
