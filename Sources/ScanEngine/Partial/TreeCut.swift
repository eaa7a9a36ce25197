import Entries
import LinuxKernel

/// Finds directories at which a tree can be cut: level by level from the PATHs, until there are enough.
///
/// No cut is inside another one, nor where a scan may stop: at a mount point under `-x`, or where a mount may lead back
/// up.
struct TreeCut {
    private(set) var places: [CutPath] = []

    private let options: ScanOptions
    /// A directory that may be listed, or become a cut itself.
    private struct Candidate {
        let root: Int
        let names: [[UInt8]]
        /// The devices of the directories from the PATH down to this one.
        let devices: [UInt64]
    }

    /// The limit for a plan: one process creates it, and it should be ready soon.
    private static let mostLevels = 32
    private static let mostEntriesOfDirectory = 100_000

    init(_ options: ScanOptions, atLeast wanted: Int) {
        self.options = options
        if wanted == 0 { return }
        var level = options.paths.indices.map { Candidate(root: $0, names: [], devices: []) }
        var depth = 0
        while places.count + (depth == 0 ? 0 : level.count) < wanted, !level.isEmpty, depth < Self.mostLevels {
            var next: [Candidate] = []
            for candidate in level {
                let children = children(of: candidate)
                // A directory without subdirectories becomes a cut itself.
                if children.isEmpty { keep(candidate) } else { next += children }
            }
            level = next
            depth += 1
        }
        for candidate in level { keep(candidate) }
        places.sort { ($0.root, $0.names) < ($1.root, $1.names) }
    }

    private mutating func keep(_ candidate: Candidate) {
        if !candidate.names.isEmpty { places.append(CutPath(root: candidate.root, names: candidate.names)) }
    }

    /// Also empty if it cannot be listed: its shard will report that.
    private func children(of candidate: Candidate) -> [Candidate] {
        var own = options
        own.paths = [options.paths[candidate.root]]
        var status = FileStatus()
        var children: [Candidate] = []
        var count = 0
        do throws(Errno) {
            let listing = try DirectoryListing(own, names: candidate.names)
            try listing.status(of: Array(".".utf8), into: &status)
            let devices = candidate.devices + [status.device]
            var isMore = true
            while isMore, count < Self.mostEntriesOfDirectory {
                isMore = try listing.next { entry in
                    count += 1
                    guard entry.kind == .directory, !entry.isExcluded else { return }
                    let device = entry.status.device
                    var full = FileStatus()
                    guard (try? listing.status(of: Array(entry.name), into: &full)) != nil else { return }
                    full.assumeMountRootWhereUnknown()
                    if full.isMountRoot || device != status.device {
                        // Decided when it is open.
                        if options.oneFileSystem || options.excludeKernfs || devices.contains(device) { return }
                    }
                    children.append(
                        Candidate(root: candidate.root, names: candidate.names + [Array(entry.name)], devices: devices))
                }
            }
        } catch {
            return []
        }
        return children
    }
}

private func < (left: (Int, [[UInt8]]), right: (Int, [[UInt8]])) -> Bool {
    if left.0 != right.0 { return left.0 < right.0 }
    return left.1.lexicographicallyPrecedes(right.1) { $0.lexicographicallyPrecedes($1) }
}
