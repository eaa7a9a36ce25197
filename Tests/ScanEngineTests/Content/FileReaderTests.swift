import CLinux
import Entries
import Glibc
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

/// Reading a file in pieces while it changes.
@Suite struct FileReaderTests {
    /// Opens `f` in a new directory that contains `tree` and passes it to `body`.
    private func reading<R>(
        _ tree: Tree, expecting: DeviceInode? = nil,
        _ body: (inout FileReader, ByteString) throws -> R
    ) throws -> R {
        let directory = try TemporaryDirectory(tree)
        var reader = try FileReader("f", in: directory.descriptor, expecting: expecting)
        return try body(&reader, directory.appending("f"))
    }

    private func failure(_ body: () throws -> Void) -> ContentFailure? {
        do {
            try body()
            return nil
        } catch {
            return error as? ContentFailure
        }
    }

    /// Every piece until the end, bytes of holes as zeros.
    private func everything(_ reader: inout FileReader, bufferBytes: Int) throws -> (bytes: [UInt8], holes: Int64) {
        var bytes: [UInt8] = []
        var holes: Int64 = 0
        try withBuffer(bufferBytes) { buffer in
            while true {
                switch try reader.read(into: buffer) {
                case .bytes(let count): bytes.append(contentsOf: buffer[..<count])
                case .hole(let count):
                    holes += count
                    bytes.append(contentsOf: [UInt8](repeating: 0, count: Int(count)))
                case .end: return
                }
            }
        }
        return (bytes, holes)
    }

    @Test(arguments: [0, 1, 4095, 4096, 4097, 8192, 100_000])
    func everyByteComesOnce(length: Int) throws {
        let content = noise(length)
        try reading([.file("f", ByteString(content))]) { reader, _ in
            let bytes = try everything(&reader, bufferBytes: 4096).bytes
            #expect(bytes == content)
            #expect(reader.offset == Int64(length))
        }
    }

    @Test func holesAreNotRead() throws {
        let directory = try TemporaryDirectory()
        // Data at both ends and in the middle, holes of 64 MiB between them, and one at the very end.
        var content = [UInt8](repeating: 0, count: 200 << 20)
        directory.appending("f").withCString { path in
            let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            defer { close(descriptor) }
            for offset in [0, 64 << 20, 130 << 20] {
                let bytes = noise(5000, seed: UInt64(offset))
                content.replaceSubrange(offset..<offset + 5000, with: bytes)
                #expect(pwrite(descriptor, bytes, 5000, off_t(offset)) == 5000)
            }
            #expect(ftruncate(descriptor, 200 << 20) == 0)
        }
        var reader = try FileReader("f", in: directory.descriptor, expecting: nil)
        let (bytes, holes) = try everything(&reader, bufferBytes: 1 << 20)
        #expect(bytes == content)
        #expect(holes > 190 << 20)
        let path = directory.appending("f")
        let theirs = try [
            firstWord(["sha256sum", path]), firstWord(["git", "hash-object", "--no-filters", path]),
        ]
        #expect(try fileDigests(path, [.sha256, .git], budget: 1 << 20) == theirs)
    }

    @Test func aFileOfTheLargestSizeIsBegunAndPutAside() throws {
        // tmpfs supports 2^63−1 bytes; other file systems support less, and then the test proves nothing about them.
        let directory = try TemporaryDirectory([], in: "/dev/shm")
        directory.appending("f").withCString { path in
            let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            defer { close(descriptor) }
            #expect(ftruncate(descriptor, off_t(Int64.max)) == 0)
        }
        var reader = try FileReader("f", in: directory.descriptor, expecting: nil)
        var digest = MultiDigest(try DigestMethods(DigestSet([.xxh128])))
        digest.begin(length: reader.status.size)
        try withBuffer(4096) { buffer in
            for _ in 0..<3 {
                let isDone = try reader.feed(&digest, budget: 16 << 20, through: buffer)
                #expect(!isDone)
            }
        }
        #expect(reader.status.size == .max)
        #expect(reader.offset >= 3 * (16 << 20))
        #expect(reader.offset < 5 * (16 << 20))
    }

    @Test func aFileThatGrowsIsChangedAndDoesNotHang() throws {
        try reading([.file("f", "four")]) { reader, path in
            let writer = path.withCString { open($0, O_WRONLY | O_APPEND | O_CLOEXEC) }
            defer { close(writer) }
            let outcome = failure {
                for _ in 0..<1000 {
                    guard write(writer, "more", 4) == 4 else { throw Failure(errnoOf: "write", path) }
                    _ = try withBuffer(2) { try reader.read(into: $0) }
                }
            }
            #expect(outcome == .changed)
        }
    }

    @Test func aFileThatIsCutIsChanged() throws {
        try reading([.file("f", ByteString(noise(10_000)))]) { reader, path in
            _ = try withBuffer(1000) { try reader.read(into: $0) }
            #expect(path.withCString { truncate($0, 500) } == 0)
            let outcome = failure { _ = try withBuffer(1000) { try reader.read(into: $0) } }
            #expect(outcome == .changed)
        }
    }

    @Test func aFileRewrittenWithAsManyBytesIsChanged() throws {
        try reading([.file("f", "before", mtime: 1_000_000)]) { reader, path in
            let writer = path.withCString { open($0, O_WRONLY | O_CLOEXEC) }
            defer { close(writer) }
            #expect(write(writer, "after!", 6) == 6)
            let outcome = failure { _ = try everything(&reader, bufferBytes: 100) }
            #expect(outcome == .changed)
        }
    }

    @Test func aReaderBesideUsIsNoChange() throws {
        try reading([.file("f", "content", mtime: 1_000_000)]) { reader, path in
            _ = try output(of: ["cat", path])
            let bytes = try everything(&reader, bufferBytes: 100).bytes
            #expect(bytes == Array("content".utf8))
        }
    }

    @Test func anythingButARegularFileIsStale() throws {
        func opening(_ tree: Tree, expecting: DeviceInode? = nil) -> ContentFailure? {
            failure { try reading(tree, expecting: expecting) { _, _ in } }
        }
        let stale = ContentFailure.call("openat", Errno(ESTALE))
        #expect(opening([.directory("f")]) == stale)
        #expect(opening([.fifo("f")]) == stale)
        #expect(opening([.file("f")], expecting: DeviceInode(device: 0, inode: 0)) == stale)
        #expect(opening([.symlink("f", to: "/etc/passwd")]) == .call("openat", Errno(ELOOP)))
        #expect(opening([]) == .call("openat", Errno(ENOENT)))
        #expect(opening([.socket("f")]) == .call("openat", Errno(ENXIO)))
    }

    @Test func theAccessTimeStaysWhereTheKernelAllowsIt() throws {
        try reading([.file("f", "content", mtime: 1_000_000)]) { reader, path in
            var before = stat()
            var after = stat()
            #expect(path.withCString { lstat($0, &before) } == 0)
            _ = try everything(&reader, bufferBytes: 100)
            #expect(path.withCString { lstat($0, &after) } == 0)
            #expect(before.st_atim.tv_sec == after.st_atim.tv_sec && before.st_atim.tv_nsec == after.st_atim.tv_nsec)
        }
    }

    @Test func aFileWithoutASizeIsReadToItsEnd() throws {
        var reader = try FileReader("/proc/version", in: AT_FDCWD, expecting: nil)
        #expect(reader.status.size == 0)
        let content = try withBuffer(7) { try reader.readUnsized(limit: 1 << 20, through: $0) }
        let expected = try output(of: ["cat", "/proc/version"])
        #expect(content == expected)
        var endless = try FileReader("/proc/kallsyms", in: AT_FDCWD, expecting: nil)
        let outcome = failure { _ = try withBuffer(4096) { try endless.readUnsized(limit: 10_000, through: $0) } }
        #expect(outcome == .call("read", Errno(EFBIG)))
    }

    @Test func descriptorsAreClosed() throws {
        let directory = try TemporaryDirectory([.file("f", "x"), .fifo("p")])
        let before = try lowestFreeDescriptor()
        for _ in 0..<10 {
            _ = try FileReader("f", in: directory.descriptor, expecting: nil).offset
            let outcome = failure { _ = try FileReader("p", in: directory.descriptor, expecting: nil).offset }
            #expect(outcome != nil)
        }
        // Tests run in parallel: others may hold a few, but not twenty more.
        #expect(try lowestFreeDescriptor() < before + 20)
    }

    private func lowestFreeDescriptor() throws -> Int32 {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        return descriptor
    }
}
