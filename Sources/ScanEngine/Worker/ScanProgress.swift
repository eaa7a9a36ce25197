// The progress of a running scan: sums of counters that each worker keeps, and the current place of a worker.

import Synchronization

/// How far a scan has come.
public struct ScanProgress: Sendable {
    /// Entries counted: names, as in `Totals.entries`.
    public var entries: Int64 = 0
    /// The disk space of these entries. A file with several names counts under each, because they have not been
    /// compared yet.
    public var diskBytes: Int64 = 0
    /// Bytes read from files, for digests and MIME types; holes are not read.
    public var bytesRead: Int64 = 0
    public var errors: Int64 = 0
    /// A directory, or a file being read, that a worker is at; the previous one if none is at any, nil in the beginning.
    public var path: [UInt8]?

    package init() {}

    /// Adds another process's progress.
    package mutating func add(_ other: ScanProgress) {
        entries.addSaturating(other.entries)
        diskBytes.addSaturating(other.diskBytes)
        bytesRead.addSaturating(other.bytesRead)
        errors.addSaturating(other.errors)
        path = path ?? other.path
    }

    mutating func add(_ worker: borrowing ProgressCounters) {
        let (entries, diskBytes, bytesRead, errors) = worker.now
        self.entries.addSaturating(entries)
        self.diskBytes.addSaturating(diskBytes)
        self.bytesRead.addSaturating(bytesRead)
        self.errors.addSaturating(errors)
    }
}

/// The progress of one worker. Written by its owner (relaxed: nothing is ordered by them), read by a progress display.
struct ProgressCounters: ~Copyable, Sendable {
    private let entries = Atomic<Int64>(0)
    private let diskBytes = Atomic<Int64>(0)
    private let bytesRead = Atomic<Int64>(0)
    private let errors = Atomic<Int64>(0)

    /// Owner only: a load and a store, cheaper than an atomic addition.
    func advance(entries newEntries: Int64, diskBytes newBytes: Int64) {
        entries.store(entries.load(ordering: .relaxed) &+ newEntries, ordering: .relaxed)
        diskBytes.store(diskBytes.load(ordering: .relaxed) &+ newBytes, ordering: .relaxed)
    }

    /// Owner only.
    func advance(bytesRead count: Int64) {
        bytesRead.store(bytesRead.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// Owner only.
    func countError() { errors.store(errors.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }

    var now: (entries: Int64, diskBytes: Int64, bytesRead: Int64, errors: Int64) {
        (
            entries.load(ordering: .relaxed), diskBytes.load(ordering: .relaxed), bytesRead.load(ordering: .relaxed),
            errors.load(ordering: .relaxed)
        )
    }
}

/// The current place of a search for duplicates. A display asks, and the worker that next comes to a file answers.
/// Without a question it costs a worker one load of an unchanging flag.
struct Whereabouts: ~Copyable, Sendable {
    private let isAsked = Atomic<Bool>(false)
    private let place = Mutex<EntryPath?>(nil)

    /// The last answer. Asks again.
    func ask() -> EntryPath? {
        defer { isAsked.store(true, ordering: .relaxed) }
        return place.withLock { $0 }
    }

    @inline(__always)
    func answer(_ path: @autoclosure () -> EntryPath) {
        if isAsked.load(ordering: .relaxed) { keep(path()) }
    }

    @inline(never)
    private func keep(_ path: EntryPath) {
        isAsked.store(false, ordering: .relaxed)
        place.withLock { $0 = path }
    }
}
