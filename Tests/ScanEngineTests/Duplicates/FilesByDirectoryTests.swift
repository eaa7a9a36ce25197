// Paths of files in groups, by their directories.

import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

@Suite struct FilesByDirectoryTests {
    private func inode(_ number: UInt64, _ first: ByteString, _ others: ByteString...) -> DuplicateInode {
        let identity = DeviceInode(device: 1, inode: number)
        let status = ContentStatus(
            identity: identity, mode: 0o100644, size: 4, allocatedBytes: 4096, mtime: (0, 0), ctime: (0, 0))
        var paths = FilePaths(first.bytes)
        for path in others { paths.append(path.bytes) }
        return DuplicateInode(identity: identity, paths: paths, status: status)
    }

    @Test func aFileIsFoundByItsInodeAndItsName() {
        // Many directories and groups, so that all workers' parts have some.
        var groups = (0..<200).map { number in
            let (one, other) = (UInt64(1000 + 2 * number), UInt64(1001 + 2 * number))
            let names = ["t/a\(number % 9)/f\(number)", "t/b\(number % 9)/f\(number)"].map { ByteString($0) }
            return DuplicateGroup(
                [inode(one, names[0]), inode(other, names[1])], size: 4, digest: nil, keep: .oldest)
        }
        let linked = [inode(7, "t/d/x", "t/d/y", "t/e/x"), inode(8, "t/d/z")]
        groups.append(DuplicateGroup(linked, size: 4, digest: nil, keep: .oldest))
        let files = FilesByDirectory(groups, below: SearchedRoots([ByteString("t").bytes]))
        #expect(files.directories.count == 20)
        func find(_ directory: ByteString, _ number: UInt64, _ name: ByteString) -> Int32? {
            let files = files.files(in: PathPrefix(directory.bytes, directory.bytes.count))
            return name.bytes.withUnsafeBytes { files.file(DeviceInode(device: 1, inode: number), $0)?.group }
        }
        #expect(find("t/a3", 1024, "f12") == 12 && find("t/b3", 1025, "f12") == 12)
        #expect(find("t/a3", 1025, "f12") == nil && find("t/a3", 1024, "12") == nil && find("t/c", 1024, "f12") == nil)
        #expect(find("t/d", 7, "x") == 200 && find("t/d", 7, "y") == 200 && find("t/e", 7, "x") == 200)
        #expect(find("t/d", 7, "z") == nil && find("t/d", 8, "z") == 200 && find("t/e", 7, "y") == nil)
    }

    @Test func namesAreComparedAsAWhole() {
        func areEqual(_ left: ByteString, _ right: ByteString) -> Bool {
            PathPrefix.areNamesEqual(left.bytes, right.bytes)
        }
        #expect(areEqual("a/x", "b/x") && areEqual("a/x", "x") && areEqual("x", "x") && areEqual("a/b/x", "/x"))
        #expect(!areEqual("a/x", "b/xx") && !areEqual("a/xx", "x") && !areEqual("ax", "x") && !areEqual("a/x", "a/y"))
    }

    @Test func aDirectoryIsThatBelowThePath() {
        let roots = SearchedRoots([ByteString("t/").bytes, ByteString("u").bytes])
        func parent(_ path: ByteString) -> ByteString? { roots.parent(of: path.bytes).map { ByteString($0.bytes) } }
        #expect(parent("t/x") == "t/" && parent("t/d/x") == "t/d" && parent("u/x") == "u")
        #expect(parent("t/") == nil && parent("u") == nil)
    }
}
