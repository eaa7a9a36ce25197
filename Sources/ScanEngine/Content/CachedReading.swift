import CLinux
import Glibc
import LinuxKernel

/// Reads a file and leaves the page cache as it was: pages that were cached stay, and pages that this brings in are
/// dropped.
///
/// ```
///   dropping   preadv2(RWF_DONTCACHE) ──▶ the kernel drops the pages that were not there      ┐ refused by the kernel,
///   noticing   preadv2(RWF_NOWAIT) ─ EAGAIN ─▶ pread, later POSIX_FADV_DONTNEED for these pages ├ the file system or a
///   ordinary   pread, and the pages stay                                                      ┘ sandbox: the next
/// ```
///
/// The difficulty is to know which pages were cached before. For other users' files, mincore(2) and cachestat(2) give
/// false answers or none. A non-blocking read gives the answer: the pages that it finds were cached before, unless the
/// kernel has read ahead. So readahead is switched off for a file that takes several reads.
///
/// If everything is cached, each piece takes one call, as with `pread`.
struct CachedReading: Sendable {
    enum Way: Sendable {
        case dropping, noticing, ordinary
    }

    private(set) var way: Way
    /// The way that was tried first does not work on this file system.
    private(set) var wasRefused = false
    /// The range that was read last and was not cached. It is dropped before the next read, or when the file is closed:
    /// until then libmagic may read it again.
    private var missed: Range<Int64> = 0..<0
    /// Ranges that libmagic reads, which drops nothing: they are dropped when the file is closed.
    private var lent: [Range<Int64>] = []
    private var hasBegun = false
    private var readsAhead = true

    init(_ way: Way) { self.way = way }

    /// For callers that read only parts of the file, because the kernel drops the pages read but not those read ahead;
    /// and for files that libmagic also reads.
    mutating func noticeParts() {
        if way == .dropping { way = .noticing }
    }

    /// Reads from `offset`. 0 is the end of the file.
    ///
    /// - Parameter size: of the file.
    mutating func read(
        _ file: Int32, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer, size: Int64
    ) throws(Errno) -> Int {
        if way == .dropping {
            do throws(Errno) {
                return try Kernel.read(file, at: offset, into: buffer, .dropsNewPages)
            } catch {
                guard error.isRefusal else { throw error }
                (way, wasRefused) = (.noticing, true)
            }
        }
        if way == .noticing {
            do throws(Errno) {
                return try noticing(file, at: offset, into: buffer, size: size)
            } catch {
                if error.isRefusal {
                    (way, wasRefused) = (.ordinary, true)
                } else if error != .wouldBlock {
                    throw error
                }
            }
        }
        return try Kernel.read(file, at: offset, into: buffer)
    }

    /// - Throws: `EAGAIN` if the first page was not cached: the range is noted.
    private mutating func noticing(
        _ file: Int32, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer, size: Int64
    ) throws(Errno) -> Int {
        if !hasBegun, size > Int64(buffer.count), buffer.count >= Self.leastPiece {
            try Kernel.readNothingAhead(file)
            readsAhead = false
        }
        hasBegun = true
        // At the end no further read follows, and libmagic may still read. A range that is read again is kept until
        // then.
        if !missed.isEmpty, offset < size, !missed.contains(offset) {
            try? Kernel.dropCached(missed, of: file)
            missed = 0..<0
        }
        do throws(Errno) {
            return try Kernel.read(file, at: offset, into: buffer, .cachedOnly)
        } catch {
            if error == .wouldBlock { note(offset, buffer.count) }
            throw error
        }
    }

    /// Notes whole pages, and those that the kernel has read ahead.
    private mutating func note(_ offset: Int64, _ length: Int) {
        let end = offset.addingReportingOverflow(Int64(length) + (readsAhead ? Self.readAhead : Self.page - 1))
        let range = offset / Self.page * Self.page..<(end.overflow ? .max : end.partialValue / Self.page * Self.page)
        // The earlier range is dropped by now, unless it contains this one.
        missed =
            missed.isEmpty
            ? range : min(missed.lowerBound, range.lowerBound)..<max(missed.upperBound, range.upperBound)
    }

    /// Call it before libmagic reads both ends of the file, and nothing in between: the pages that this brings in are
    /// dropped when the file is closed, unless the first page is cached.
    ///
    /// - Parameters:
    ///   - length: of each end, in bytes.
    ///   - buffer: scratch memory.
    mutating func lend(_ file: Int32, _ length: Int64, size: Int64, through buffer: UnsafeMutableRawBufferPointer) {
        if way == .ordinary { return }
        let one = UnsafeMutableRawBufferPointer(rebasing: buffer[..<1])
        do throws(Errno) {
            _ = try Kernel.read(file, at: 0, into: one, .cachedOnly)
        } catch {
            // The next read reports any other error.
            guard error == .wouldBlock else { return }
            // The page is being read now. It can be dropped only after a read has waited for it.
            _ = try? Kernel.read(file, at: 0, into: one)
            lent = [0..<length, max(0, (size - length) / Self.page * Self.page)..<size]
        }
    }

    /// Drops the remaining pages that this brought into the cache. Errors are ignored: nothing can be done about pages
    /// that stay.
    func dropRest(_ file: Int32) {
        if !missed.isEmpty { try? Kernel.dropCached(missed, of: file) }
        for part in lent { try? Kernel.dropCached(part, of: file) }
    }

    private static let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
    /// The kernel's default readahead after a first read.
    private static let readAhead: Int64 = 128 << 10
    /// Smaller reads are isolated looks at a file, and are not worth a call that switches readahead off.
    private static let leastPiece = 64 << 10
}

extension Errno {
    /// The errors for an unknown call, flag or advice.
    fileprivate var isRefusal: Bool {
        self == .notSupported || self == .invalid || self == .noSystemCall || self == .permission
    }
}

/// The ways that work on the last file system that a worker was on: a refused one is tried once, not for each file.
package struct CachedReadingWays: Sendable {
    private var learned: (device: UInt64, way: CachedReading.Way)?

    package init() {}

    func reading(on device: UInt64) -> CachedReading {
        guard let learned, learned.device == device else { return CachedReading(.dropping) }
        return CachedReading(learned.way)
    }

    mutating func learn(from reader: borrowing FileReader) {
        if reader.cached.wasRefused { learned = (reader.status.identity.device, reader.cached.way) }
    }
}
