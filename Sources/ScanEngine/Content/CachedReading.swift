import CLinux
import Glibc
import LinuxKernel

/// Reads a file and leaves the page cache as it was: pages that others use stay in it, pages that this brought in do not.
///
/// ```
///   dropping   preadv2(RWF_DONTCACHE) ──▶ the kernel drops the pages that were not there      ┐ refused by the kernel,
///   noticing   preadv2(RWF_NOWAIT) ─ EAGAIN ─▶ pread, later POSIX_FADV_DONTNEED for these pages ├ the file system or a
///   ordinary   pread, and the pages stay                                                      ┘ sandbox: the next
/// ```
///
/// The hard thing is whose a cached page is. What mincore(2) and cachestat(2) say of others' files is not true, or not
/// told. A read that must not wait tells it: the pages that it finds were there before, unless the kernel has read
/// ahead. So the kernel is told not to, in a file that takes several reads.
///
/// Where everything is cached, each piece is one call, as with `pread`.
struct CachedReading: Sendable {
    enum Way: Sendable {
        case dropping, noticing, ordinary
    }

    private(set) var way: Way
    /// What was tried first does not work on this file system.
    private(set) var wasRefused = false
    /// What was not cached and was read last. It is dropped before the next read, or with the file: until then somebody
    /// may have a second look (libmagic).
    private var missed: Range<Int64> = 0..<0
    /// What somebody else has read, who drops nothing: it is dropped with the file.
    private var lent: [Range<Int64>] = []
    private var hasBegun = false
    private var readsAhead = true

    init(_ way: Way) { self.way = way }

    /// For who reads parts of the file alone, as the kernel drops what is read, and not what it has read ahead; and for
    /// files that somebody else reads as well.
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
        // At the end nothing more will come, and somebody else may still read. What is read again is kept until then.
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

    /// Whole pages, and what the kernel has read ahead.
    private mutating func note(_ offset: Int64, _ length: Int) {
        let end = offset.addingReportingOverflow(Int64(length) + (readsAhead ? Self.readAhead : Self.page - 1))
        let range = offset / Self.page * Self.page..<(end.overflow ? .max : end.partialValue / Self.page * Self.page)
        // What was missed before is dropped by now, unless this lies in it.
        missed =
            missed.isEmpty
            ? range : min(missed.lowerBound, range.lowerBound)..<max(missed.upperBound, range.upperBound)
    }

    /// Before somebody else reads the file at both its ends, and nothing in between: what that brings in goes with the
    /// file, unless the first page is cached.
    ///
    /// - Parameters:
    ///   - length: of each end, in bytes.
    ///   - buffer: for some bytes.
    mutating func lend(_ file: Int32, _ length: Int64, size: Int64, through buffer: UnsafeMutableRawBufferPointer) {
        if way == .ordinary { return }
        let one = UnsafeMutableRawBufferPointer(rebasing: buffer[..<1])
        do throws(Errno) {
            _ = try Kernel.read(file, at: 0, into: one, .cachedOnly)
        } catch {
            // What else is wrong the next read says.
            guard error == .wouldBlock else { return }
            // The page is on its way now. If nobody came for it, it could not be dropped.
            _ = try? Kernel.read(file, at: 0, into: one)
            lent = [0..<length, max(0, (size - length) / Self.page * Self.page)..<size]
        }
    }

    /// Drops what this brought into the cache, and has not been dropped. Nobody can do anything about pages that stay.
    func dropRest(_ file: Int32) {
        if !missed.isEmpty { try? Kernel.dropCached(missed, of: file) }
        for part in lent { try? Kernel.dropCached(part, of: file) }
    }

    private static let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
    /// What the kernel reads ahead of a first read, by default.
    private static let readAhead: Int64 = 128 << 10
    /// Smaller parts are looked at here and there, and cost no call to say so.
    private static let leastPiece = 64 << 10
}

extension Errno {
    /// Who does not know a call, its flags or its advice says one of these.
    fileprivate var isRefusal: Bool {
        self == .notSupported || self == .invalid || self == .noSystemCall || self == .permission
    }
}

/// What a worker has learned about the file system that it was on last: what is refused there is tried once, not for each
/// file.
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
