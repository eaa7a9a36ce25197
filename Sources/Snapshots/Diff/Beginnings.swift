import CLinux
package import Entries
import LinuxKernel
package import ScanEngine

/// Reads the beginnings of files in a tree that was just scanned. A file that may grow is compared by the bytes that it
/// had before.
package final class Beginnings {
    private let roots: [[UInt8]]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    private let isCancelled: () -> Bool
    /// The results so far, for a second comparison, which must find what the first one found even if files change in
    /// between. Some 300 bytes for each file.
    private var known: [Piece: Result<EntryDigests, ContentFailure>] = [:]
    private let remembers: Bool

    private struct Piece: Hashable {
        var key: EntryKey
        var length: Int64
        var algorithms: Set<DigestAlgorithm>
    }

    /// - Parameters:
    ///   - roots: the PATHs of the scan.
    ///   - options: of the scan.
    ///   - remembers: reads each beginning once, however often it is asked for.
    package init(
        of roots: [[UInt8]], _ options: ScanOptions?, remembers: Bool = false, isCancelled: @escaping () -> Bool
    ) {
        // With -H a PATH may be a symlink: a trailing slash leads to the directory.
        let slash: [UInt8] = options?.followRoots == true ? [UInt8(ascii: "/")] : []
        (self.roots, self.remembers, self.isCancelled) = (roots.map { $0 + slash }, remembers, isCancelled)
    }

    deinit { buffer.deallocate() }

    /// The digests of the first bytes of a file. Bytes that are appended meanwhile do not matter.
    ///
    /// - Parameters:
    ///   - entry: of the scan. If its place has another inode now, the error is ESTALE.
    ///   - length: in bytes; at most the size of the file.
    package func digests(
        of entry: SnapshotEntry, length: Int64, _ algorithms: [DigestAlgorithm]
    ) throws(ContentFailure) -> EntryDigests {
        if !remembers { return try read(entry, length, algorithms) }
        let piece = Piece(key: entry.key, length: length, algorithms: Set(algorithms))
        if let result = known[piece] { return try result.get() }
        let result = Result { () throws(ContentFailure) in try read(entry, length, algorithms) }
        known[piece] = result
        return try result.get()
    }

    private func read(
        _ entry: SnapshotEntry, _ length: Int64, _ algorithms: [DigestAlgorithm]
    ) throws(ContentFailure) -> EntryDigests {
        var reader = try open(entry)
        let methods: DigestMethods
        do throws(DigestUnavailable) {
            methods = try DigestMethods(DigestSet(algorithms))
        } catch {
            throw .call("read", .notSupported)
        }
        var digest = MultiDigest(methods)
        digest.begin(length: length)
        while reader.offset < length {
            if isCancelled() { throw .call("read", .interrupted) }
            let start = reader.offset
            let size = min(Int64(buffer.count), length - start)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(size)])
            switch try reader.read(into: piece) {
            case .bytes(let count): digest.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            case .hole(let count): digest.updateZeros(min(count, length - start))
            case .end: throw .changed
            }
        }
        var row: [UInt8] = []
        digest.finish(appendingTo: &row)
        var digests = EntryDigests()
        var start = 0
        for algorithm in methods.set.algorithms {
            digests[algorithm] = Array(row[start..<(start + algorithm.byteCount)])
            start += algorithm.byteCount
        }
        return digests
    }

    /// Opens the path name by name, as the scan did, without following symlinks.
    private func open(_ entry: SnapshotEntry) throws(ContentFailure) -> FileReader {
        var names = entry.key.bytes[4...].split(separator: 0).map { Array($0) }
        names.insert(roots[entry.key.root], at: 0)
        let last = names.removeLast().map { CChar(bitPattern: $0) } + [0]
        var directory: FileDescriptor?
        for name in names {
            let name = name.map { CChar(bitPattern: $0) } + [0]
            do throws(Errno) {
                let above = directory?.number ?? Kernel.workingDirectory
                directory = try Kernel.openDirectory(name, in: above, keepAccessTime: true)
            } catch {
                throw .call("openat", error)
            }
        }
        let reader = try FileReader(
            last, in: directory?.number ?? Kernel.workingDirectory, expecting: nil, wasJustListed: false)
        let identity = reader.status.identity
        let device = FileStatus.deviceNumber(
            major: UInt32(truncatingIfNeeded: identity.device >> 32), minor: UInt32(truncatingIfNeeded: identity.device)
        )
        guard device == entry.device, identity.inode == entry.inode else { throw .call("openat", .stale) }
        return reader
    }
}
