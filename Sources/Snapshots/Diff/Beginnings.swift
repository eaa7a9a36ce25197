import CLinux
package import Entries
import LinuxKernel
package import ScanEngine

/// Reads the beginnings of files of a tree that was scanned just now: what may grow is compared by the bytes that were
/// there.
package final class Beginnings {
    private let roots: [[UInt8]]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    private let isCancelled: () -> Bool

    /// - Parameter roots: the PATHs of the scan.
    package init(_ roots: [[UInt8]], isCancelled: @escaping () -> Bool) {
        (self.roots, self.isCancelled) = (roots, isCancelled)
    }

    deinit { buffer.deallocate() }

    /// The digests of the first bytes of a file, whatever is written behind them meanwhile.
    ///
    /// - Parameters:
    ///   - entry: of the scan: another inode at its place is ESTALE.
    ///   - length: in bytes, not more than the file had.
    package func digests(
        of entry: SnapshotEntry, length: Int64, _ algorithms: [DigestAlgorithm]
    ) throws(ContentFailure) -> [DigestAlgorithm: [UInt8]] {
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
        var digests: [DigestAlgorithm: [UInt8]] = [:]
        var start = 0
        for algorithm in methods.set.algorithms {
            digests[algorithm] = Array(row[start..<(start + algorithm.byteCount)])
            start += algorithm.byteCount
        }
        return digests
    }

    /// Name by name, as the scan went: no symlink is followed.
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
