// Names that refer to something else than when they were listed, and the data kept about an inode with several names.

import CLinux
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine
@testable import WorkStealing

@Suite struct ReplacedNameTests {
    private func errno(_ body: () throws -> Void) -> Errno? {
        do { try body() } catch { return error as? Errno }
        return nil
    }

    /// "Invalid argument" did not explain what had happened.
    @Test func aSymlinkThatIsNoneAnyMoreIsStale() throws {
        let directory = try TemporaryDirectory([.file("file"), .directory("directory"), .symlink("link", to: "x")])
        for name in ["file", "directory"] {
            #expect(errno { _ = try Kernel.symlinkTarget(name, in: directory.descriptor) } == .stale)
        }
        #expect(try Kernel.symlinkTarget("link", in: directory.descriptor) == Array("x".utf8))
    }

    @Test func onlyTheRegularFileThatIsExpectedIsOpened() throws {
        let directory = try TemporaryDirectory([
            .file("file", "content"), .file("other"), .fifo("fifo"), .socket("socket"), .symlink("link", to: "file"),
            .directory("directory"),
        ])
        var status = FileStatus()
        try Kernel.status(of: "file", in: directory.descriptor, into: &status)
        let expected = status.identity
        func open(_ name: String) throws {
            let file = try Kernel.openRegularFile(
                name, in: directory.descriptor, expecting: expected, keepAccessTime: true)
            #expect(try Kernel.contents(of: file.number, limit: 100) == Array("content".utf8))
        }
        #expect(errno { try open("file") } == nil)
        for name in ["other", "fifo", "socket", "link", "directory"] { #expect(errno { try open(name) } == .stale) }
        #expect(errno { try open("missing") } == .noSuchEntry)
    }

    /// The actor that read it was kept, some hundred bytes for each of millions of files of a backup.
    @Test func ofAnInodeThatWasReadOnlyTheAnswerIsKept() throws {
        let directory = try TemporaryDirectory([.file("a", "x"), .hardLink("b", to: "a")])
        var status = FileStatus()
        try Kernel.status(of: "a", in: directory.descriptor, into: &status)
        let scheduler = Scheduler(threads: 1)
        let table = LinkedFiles()
        func reader() -> DeferredRead? {
            let meeting = table.meet(status, mayLeave: false, scheduler: scheduler.id)
            return if case .read(let reader) = meeting { reader } else { nil }
        }
        weak var kept: DeferredRead?
        do {
            let first = try #require(reader())
            kept = first
            #expect(reader() === first, "it is read once")
            let answer = KnownContent(.success(FileContent(digests: [1, 2])), ContentStatus(status))
            table.settle(status.identity, first, answer)
        }
        #expect(reader() == nil, "the answer is at hand")
        #expect(kept == nil)

        // Another state of the inode is read again, and the first reader's answer does not apply to it.
        status.raw.stx_size = 7
        let second = try #require(reader())
        #expect(reader() === second)
    }
}
