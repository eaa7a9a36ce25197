import Glibc
import LinuxKernel
import Synchronization
import TestSupport
import Testing
import WorkStealing

@testable import ScanEngine

/// The detector against `file --mime-type`, which uses the same library and database.
@Suite struct MIMEDetectorTests {
    /// The answers of `file` for each path, in batches that fit into a command line.
    static func fileAnswers(_ paths: [ByteString]) throws -> [String] {
        var answers: [String] = []
        for start in stride(from: 0, to: paths.count, by: 500) {
            let batch = paths[start..<min(start + 500, paths.count)]
            // -N and -b: no padding, no names, so that each answer is one line.
            let text = try output(of: ["file", "--mime-type", "-N", "-b", "--"] + batch)
            answers += String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        }
        return answers
    }

    /// The answers of the detector, called as the engine does: with the beginning of the file read into a buffer of 1
    /// MiB.
    static func ourAnswers(_ paths: [ByteString], _ detectors: MIMEDetectors) throws -> [String] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var answers: [String] = []
        for path in paths {
            try path.withCString { name in
                var reader = try FileReader(name, in: AT_FDCWD, expecting: nil)
                var head = UnsafeRawBufferPointer(start: nil, count: 0)
                if case .bytes(let count) = try reader.read(into: buffer) {
                    head = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                }
                guard let answer = detectors.type(of: reader, head: head, hasToken: true) else { throw Errno(EBUSY) }
                answers.append(try answer.get())
            }
        }
        return answers
    }

    /// Paths with different answers, in a readable form.
    private func differences(_ paths: [ByteString], _ ours: [String], _ theirs: [String]) -> [String] {
        guard ours.count == theirs.count else { return ["\(ours.count) answers against \(theirs.count) of file"] }
        return paths.indices.filter { ours[$0] != theirs[$0] }.map {
            "\(paths[$0]): \(ours[$0]), file says \(theirs[$0])"
        }
    }

    @Test func thousandsOfInstalledFilesGetFilesAnswers() throws {
        let list = try output(of: [
            "find", "/usr/bin", "/usr/lib", "/usr/share", "-xdev", "-type", "f", "-readable", "!", "-name", "*\n*",
            "-print0",
        ])
        let all = list.split(separator: 0).map { ByteString($0) }.sorted()
        // Spread over the whole list, because neighbours are alike.
        let paths = (0..<min(3_000, all.count)).map { all[$0 * all.count / min(3_000, all.count)] }
        let ours = try Self.ourAnswers(paths, MIMEDetectors(count: 1))
        #expect(differences(paths, ours, try Self.fileAnswers(paths)) == [])
        #expect(Set(ours).count > 10)
    }

    @Test func filesMadeToBeDifficultGetFilesAnswersFirstAndFromTheCache() throws {
        let directory = try TemporaryDirectory()
        let script = Repository.path("Tests/oracles/make_samples.py")
        _ = try output(of: ["python3", script, directory.path])
        let paths = try names(in: directory.descriptor).sorted().map { directory.appending($0) }
        #expect(paths.count > 250)
        let theirs = try Self.fileAnswers(paths)
        let detectors = MIMEDetectors(count: 1)
        for _ in 0..<2 { #expect(differences(paths, try Self.ourAnswers(paths, detectors), theirs) == []) }
        // The samples serve their purpose: the same bytes, another answer for an executable.
        let answers = Dictionary(uniqueKeysWithValues: zip(paths, theirs))
        #expect(answers[directory.appending("elf-library.644")] == "application/x-sharedlib")
        #expect(answers[directory.appending("elf-library.755")] == "application/x-pie-executable")
        #expect(answers[directory.appending("gentoo-package.644")] == "application/vnd.gentoo.xpak")
        #expect(answers[directory.appending("ole-beyond-the-limit-Workbook.644")] == "application/vnd.ms-excel")
        #expect(answers[directory.appending("empty.644")] == "inode/x-empty")
    }

    @Test func theAnswerDoesNotDependOnWhereTheDescriptorStandsOrOnWhatWasRead() throws {
        let directory = try TemporaryDirectory([.file("f", "#!/bin/sh\necho\n")])
        let detectors = MIMEDetectors(count: 1)
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let reader = try FileReader("f", in: directory.descriptor, expecting: nil)
        #expect(lseek(reader.file.number, 7, SEEK_SET) == 7)
        let type = try detectors.type(of: reader, head: nothing, hasToken: true)?.get()
        #expect(type == "text/x-shellscript")
        let again = try detectors.type(of: reader, head: nothing, hasToken: true)?.get()
        #expect(again == type)
    }

    @Test func aFileThatLibmagicCannotReadIsAFailureAndTheNextOneIsNot() throws {
        let directory = try TemporaryDirectory([.file("f", "text\n")])
        let detector = try MIMEDetector()
        let reader = try FileReader("f", in: directory.descriptor, expecting: nil)
        var failure: ContentFailure?
        do throws(ContentFailure) {
            // A directory has no content.
            _ = try detector.type(ofDescriptor: directory.descriptor)
        } catch {
            failure = error
        }
        guard case .type(let message, let error) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(error == Errno(EISDIR))
        #expect(message.contains("cannot read"))
        let type = try detector.type(ofDescriptor: reader.file.number)
        #expect(type == "text/plain")
    }

    /// Empty files and cached contents need none.
    @Test func noAnswerComesWithoutAFreeDetectorAndOneWithItsToken() throws {
        let directory = try TemporaryDirectory([.file("f", "text\n"), .file("copy", "text\n"), .file("empty")])
        let detectors = MIMEDetectors(count: 1)
        func type(of name: String, hasToken: Bool = false) throws -> String? {
            let content = Array(name == "empty" ? "".utf8 : "text\n".utf8)
            let reader = try FileReader(name, in: directory.descriptor, expecting: nil)
            return try content.withUnsafeBytes { try detectors.type(of: reader, head: $0, hasToken: hasToken)?.get() }
        }
        guard let token = detectors.resource.tryTake() else { throw Errno(EBUSY) }
        #expect(try type(of: "f") == nil)
        #expect(try type(of: "empty") == "inode/x-empty")
        #expect(try type(of: "f", hasToken: true) == "text/plain")
        #expect(try type(of: "copy") == "text/plain")
        _ = consume token
    }

    /// A helper with a library that a file can take over (Tests/faults/badmagic.c).
    private static func badHelper(
        _ directory: TemporaryDirectory, _ change: (inout MagicProgram) -> Void
    ) throws -> MagicProgram {
        let library = try CProgram.badmagic.get().path
        let script = "#!/bin/sh\nLD_PRELOAD=\(library.text) exec \(Fsscan.helper.text) \"$@\"\n"
        _ = try output(of: [
            "sh", "-c", "printf %s \"$0\" >\"$1\"; chmod 755 \"$1\"", ByteString(script), directory.appending("helper"),
        ])
        var program = MagicProgram(path: directory.appending("helper").bytes)
        change(&program)
        return program
    }

    @Test(
        .disabled(if: isSanitized, "nothing can be preloaded into a sanitized program"),
        arguments: [("LOOP\n", "1 s of processor time"), ("WAIT\n", "no answer for 3 s")])
    func aFileWithoutEndIsAnErrorAndTheNextOneIsNot(word: String, message: String) throws {
        let directory = try TemporaryDirectory([
            .file("a", "text\n"), .file("b", ByteString(word)), .file("c", "#!/bin/sh\n"),
        ])
        let program = try Self.badHelper(directory) {
            $0.processorSeconds = 1
            // A loop on a busy machine takes longer than its processor time.
            $0.milliseconds = word == "LOOP\n" ? 600_000 : 3_000
        }
        let detectors = MIMEDetectors(count: 1, .found(program))
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let answers: [Result<String, ContentFailure>] = try ["a", "b", "c"].map { name in
            let reader = try FileReader(name, in: directory.descriptor, expecting: nil)
            guard let answer = detectors.type(of: reader, head: nothing, hasToken: true) else { throw Errno(EBUSY) }
            return answer
        }
        #expect(answers[0] == .success("text/plain"))
        guard case .failure(.helper(let text, let error)) = answers[1] else {
            Issue.record("\(answers[1])")
            return
        }
        #expect(error == Errno(ETIMEDOUT) && text.contains(message))
        #expect(answers[2] == .success("text/x-shellscript"))
        #expect(detectors.confinement == .confined)
    }

    @Test func theCacheIsBoundedAndTellsContentsApart() throws {
        let cache = MIMECache()
        func key(_ number: Int, executable: Bool = false) -> MIMECache.Key {
            withUnsafeBytes(of: number) { MIMECache.Key(content: $0, isExecutable: executable) }
        }
        #expect(cache.type(for: key(1)) == nil)
        for number in 0..<50_000 { cache.insert("type/\(number)", for: key(number)) }
        let kept = (0..<50_000).filter { cache.type(for: key($0)) != nil }
        #expect(kept.allSatisfy { cache.type(for: key($0)) == "type/\($0)" })
        #expect(kept.count <= 1 << 14)
        #expect(kept.count > 12_000)
        #expect(cache.type(for: key(kept[0], executable: true)) == nil)
    }

    @Test func detectorsOfSeveralThreadsDoNotDisturbEachOther() async throws {
        let all = try output(of: ["find", "/usr/share", "/usr/bin", "-xdev", "-type", "f", "-readable", "-print0"])
        let paths = all.split(separator: 0).map { ByteString($0) }.sorted().enumerated()
            .filter { $0.offset % 97 == 0 && !$0.element.bytes.contains(0x0a) }.prefix(200).map(\.element)
        let theirs = try Self.fileAnswers(paths)
        let detectors = MIMEDetectors(count: 4)
        try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<4 {
                group.addTask { try Self.ourAnswers(paths, detectors) }
            }
            for try await ours in group { #expect(differences(paths, ours, theirs) == []) }
        }
    }
}
