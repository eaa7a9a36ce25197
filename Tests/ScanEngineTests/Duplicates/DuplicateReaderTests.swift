// A file that differs from its listing in a search for duplicates: it is reported, and compared with nothing.

import Entries
import Glibc
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

@Suite struct DuplicateReaderTests {
    private func makeReader() throws -> DuplicateReader {
        let methods = try DigestMethods(DigestSet([DigestAlgorithm.xxh128]))
        return DuplicateReader(methods, ends: methods)
    }

    private func candidate(_ path: ByteString) throws -> Candidate {
        var status = FileStatus()
        try path.withCString { name in
            try Kernel.status(of: name, in: Kernel.workingDirectory, .basic, into: &status)
        }
        return Candidate(identity: status.identity, paths: [path.bytes], status: ContentStatus(status))
    }

    @Test(arguments: [ReadStage.ends, .whole, .chunks])
    func aFileThatChangedSinceItWasReadIsNotComparedWithItself(stage: ReadStage) throws {
        let directory = try TemporaryDirectory([.file("f", "content")])
        let reader = try makeReader()
        let file = try candidate(directory.appending("f"))
        #expect(try reader.read(stage, file, size: 7)?.status == file.status)
        #expect(throws: ContentFailure.changed) { _ = try reader.read(stage, file, size: 8) }
        // The same size but different bytes: mtime and ctime show it.
        _ = try output(of: ["sh", "-c", "sleep 0.05; printf CONTENT > \"$0\"", directory.appending("f")])
        #expect(throws: ContentFailure.changed) { _ = try reader.read(stage, file, size: 7) }
    }

    @Test func aReplacementOfAFileIsNotOpened() throws {
        let directory = try TemporaryDirectory([.file("f", "content")])
        let reader = try makeReader()
        let file = try candidate(directory.appending("f"))
        // Opening a FIFO would wait for a writer, or release one.
        _ = try output(of: ["sh", "-c", "mv \"$0\" \"$0.old\"; mkfifo \"$0\"", directory.appending("f")])
        #expect(throws: ContentFailure.call("openat", .stale)) { _ = try reader.read(.ends, file, size: 7) }
        // Another name of the inode leads to it.
        let named = Candidate(
            identity: file.identity, paths: [file.paths[0], directory.appending("f.old").bytes], status: nil)
        #expect(try reader.read(.ends, named, size: 7) != nil)
    }

    @Test func pseudoFilesAreNotRead() throws {
        let file = try candidate("/proc/self/status")
        #expect(try makeReader().read(.ends, file, size: 0) == nil)
    }

    /// Wherever holes are, and however a file is cut into pieces, equal content gives equal chunks.
    @Test func chunksOfOneContentAreTheSame() throws {
        let directory = try TemporaryDirectory()
        let script = """
            import os, sys
            os.chdir(sys.argv[1])
            size = (3 << 20) + 12345
            for name in ("sparse", "written", "other"):
                with open(name, "wb") as file:
                    if name == "written":
                        file.write(bytes(size))
                    file.truncate(size)
                    for place in (0, 65536 * 3 - 1, 1 << 20, size - 1):
                        os.pwrite(file.fileno(), b"x", place if name != "other" or place != 1 << 20 else place + 65536)
            """
        _ = try output(of: ["python3", "-c", ByteString(script), directory.path])
        let reader = try makeReader()
        let keys = try ["sparse", "written", "other"].map { name in
            try reader.read(.chunks, candidate(directory.appending(name)), size: (3 << 20) + 12345)?.key
        }
        #expect(keys[0] == keys[1] && keys[0] != keys[2])
    }
}
