import Entries
import Glibc
import LinuxKernel
import TestSupport
import Testing
import WorkStealing

@testable import ScanEngine

/// A worker's handling of a file: one open, one read, all results.
@Suite struct ContentReaderTests {
    private func stage(
        _ algorithms: [DigestAlgorithm] = [.sha256, .git], mime: Bool = true, maxRead: Int64 = 1 << 40
    ) throws -> ContentReader {
        ContentReader(try SharedContent(digests: DigestSet(algorithms), mime: mime, maxRead: maxRead))
    }

    /// Inspects to the end: the content, and the number of messages it took.
    private func inspect(
        _ name: String, in directory: Int32, _ stage: inout ContentReader, hasSize: Bool = true
    ) throws -> (content: FileContent, messages: Int) {
        // As with a token: otherwise a helper would be asked about several files at a time.
        switch try stage.inspect(name, in: directory, expecting: nil, hasSize: hasSize, hasDetector: true) {
        case .done(let content): return (content, 1)
        case .large(let file):
            var messages = 1
            while true {
                messages += 1
                if let content = try stage.advance(file) { return (content, messages) }
            }
        case .untyped, .lacksDetector: throw Errno(EBUSY)
        }
    }

    private func failure(_ body: () throws -> Void) -> ContentFailure? {
        do {
            try body()
            return nil
        } catch {
            return error as? ContentFailure
        }
    }

    @Test func oneReadGivesDigestsAndType() throws {
        let directory = try TemporaryDirectory([.file("f", "#!/bin/sh\necho\n"), .file("empty")])
        var stage = try stage()
        let content = try inspect("f", in: directory.descriptor, &stage).content
        #expect(try content.mime?.get() == "text/x-shellscript")
        let digests = try fileDigests(directory.appending("f"), [.sha256, .git])
        #expect(DigestSet([.sha256, .git]).named(content.digests).map(\.hex) == digests)
        let empty = try inspect("empty", in: directory.descriptor, &stage).content
        #expect(try empty.mime?.get() == "inode/x-empty")
        let plan = try SharedContent(digests: DigestSet([.sha256, .git]), mime: false)
        #expect(empty.digests == plan.rowOfNothing)
    }

    @Test(arguments: [(16 << 20, 1), (16 << 20 + 1, 3), (40 << 20, 4)])
    func largeFilesTakeSeveralMessages(size: Int, messages: Int) throws {
        let directory = try TemporaryDirectory([.file("f", ByteString(noise(1000)), size: Int64(size))])
        // Written over, so that nothing is a hole.
        _ = try output(of: [
            "dd", "if=/dev/zero", "of=\(directory.appending("f").text)", "bs=1M", "seek=1", "count=\(size >> 20 - 1)",
            "conv=notrunc", "status=none",
        ])
        var stage = try stage([.sha256])
        let result = try inspect("f", in: directory.descriptor, &stage)
        #expect(result.messages == messages)
        let theirs = try firstWord(["sha256sum", directory.appending("f")])
        #expect(DigestSet([.sha256]).named(result.content.digests).map(\.hex) == [theirs])
        #expect(try result.content.mime?.get() == "application/octet-stream")
    }

    /// As many stay open as there are places; the others must be read again.
    @Test(arguments: [[], [DigestAlgorithm.sha256]])
    func aFileForWhichNoDetectorIsFreeStaysOpen(hash: [DigestAlgorithm]) throws {
        let directory = try TemporaryDirectory([.file("a", "#!/bin/sh\n"), .file("b", "%PDF-1.4\n")])
        let plan = try SharedContent(digests: DigestSet(hash), mime: true)
        var stage = ContentReader(plan)
        guard let detectors = plan.detectors, let token = detectors.resource.tryTake() else { throw Errno(EBUSY) }
        guard case .untyped(let file) = try stage.inspect("a", in: directory.descriptor, expecting: nil),
            case .lacksDetector = try stage.inspect("b", in: directory.descriptor, expecting: nil),
            case .done(let b) = try stage.inspect("b", in: directory.descriptor, expecting: nil, hasDetector: true)
        else {
            Issue.record("the wrong one stays open")
            return
        }
        #expect(try b.mime?.get() == "application/pdf")
        let content = try file.content(from: detectors, token)
        let a = try #require(content)
        #expect(try a.mime?.get() == "text/x-shellscript")
        #expect(DigestSet(hash).named(a.digests).map(\.hex) == (try fileDigests(directory.appending("a"), hash)))
        let isFree = detectors.resource.tryTake() != nil
        #expect(isFree)
    }

    @Test func aLargeFileThatChangesBetweenMessagesIsChanged() throws {
        let directory = try TemporaryDirectory([.file("f", "x", size: 100 << 20, mtime: 1_000_000)])
        var stage = try stage([.xxh128], mime: false)
        guard case .large(let file) = try stage.inspect("f", in: directory.descriptor, expecting: nil) else {
            Issue.record("100 MiB are large")
            return
        }
        let first = try stage.advance(file)
        #expect(first == nil)
        let path = directory.appending("f")
        #expect(path.withCString { truncate($0, 101 << 20) } == 0)
        let outcome = failure { while try stage.advance(file) == nil {} }
        #expect(outcome == .changed)
    }

    @Test func unrequestedContentIsAbsent() throws {
        let directory = try TemporaryDirectory([.file("f", "text\n"), .file("big", "text\n", size: 3 << 20)])
        var types = try stage([])
        for name in ["f", "big"] {
            let content = try inspect(name, in: directory.descriptor, &types).content
            #expect(content.digests == [])
            #expect(content.mime != nil)
        }
        var digests = try stage([.md5], mime: false)
        let content = try inspect("f", in: directory.descriptor, &digests).content
        #expect(content.digests.count == 16)
        #expect(content.mime == nil)
    }

    @Test func filesAboveTheLimitAreTooLarge() throws {
        let directory = try TemporaryDirectory([.file("f", "12345"), .file("g", "123456")])
        var stage = try stage(maxRead: 5)
        _ = try inspect("f", in: directory.descriptor, &stage)
        let outcome = failure { _ = try inspect("g", in: directory.descriptor, &stage) }
        #expect(outcome == .call("read", .fileTooLarge))
    }

    @Test func filesOfPseudoFileSystemsAreReadToTheirEnd() throws {
        var stage = try stage([.sha256, .git])
        let content = try inspect("/proc/version", in: AT_FDCWD, &stage, hasSize: false).content
        let options = ProcessOptions { $0.input = (try? output(of: ["cat", "/proc/version"])) ?? [] }
        let theirs = try [
            firstWord(["sha256sum"], options), firstWord(["git", "hash-object", "--stdin", "--no-filters"], options),
        ]
        #expect(DigestSet([.sha256, .git]).named(content.digests).map(\.hex) == theirs)
        #expect(try content.mime?.get() == "inode/x-empty")
    }

    @Test func aSymlinkHasTheDigestsOfItsTarget() throws {
        let directory = try TemporaryDirectory([.symlink("l", to: "where")])
        var stage = try stage([.git])
        let (target, row) = try stage.inspectSymlink("l", in: directory.descriptor)
        #expect(target == Array("where".utf8))
        let options = ProcessOptions { $0.input = target }
        let theirs = try firstWord(["git", "hash-object", "--stdin", "--no-filters"], options)
        #expect(DigestSet([.git]).named(row).map(\.hex) == [theirs])
        let outcome = failure { _ = try stage.inspectSymlink("gone", in: directory.descriptor) }
        #expect(outcome == .call("readlinkat", .noSuchEntry))
    }
}
