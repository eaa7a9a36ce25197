// Where the report goes, and that a file is replaced completely or not at all.

import Glibc
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

@Suite struct OutputTests {
    private func content(_ path: ByteString) throws -> String {
        String(decoding: try output(of: ["cat", path]), as: UTF8.self)
    }

    private func status(_ path: ByteString) throws -> String {
        String(decoding: try output(of: ["stat", "-c", "%A %U %F", path]).dropLast(), as: UTF8.self)
    }

    private let empty: Tree = [.directory("empty")]

    @Test func aNewFileObeysTheUmaskAndHasABytewiseName() throws {
        let directory = try TemporaryDirectory(empty)
        _ = try output(of: ["chmod", "0777", directory.path])
        let tools = try TemporaryDirectory()
        let name: ByteString = "r\u{E9}port " + [0xFF, 0x0A]
        let script = #"umask 027; exec "$0" --json -o "$1" empty"#
        let outcome = try run(
            ["bash", "-c", ByteString(script), Fsscan.copy(to: tools), name],
            ProcessOptions {
                $0.directory = directory.path
                $0.asOrdinaryUser = true
            })
        #expect(outcome.status == 0)
        #expect(outcome.standardOutput.isEmpty)
        #expect(try names(in: directory.descriptor).sorted() == ["empty", name])
        #expect(try status(directory.appending(name)).hasPrefix("-rw-r----- "))
        #expect(try content(directory.appending(name)).hasSuffix("}\n"))
    }

    @Test func aFileThatIsReplacedKeepsItsModeAndItsLinks() throws {
        let directory = try TemporaryDirectory(
            empty + [
                .directory("d", [.file("old", "before", mode: 0o4604), .hardLink("other", to: "d/old")]),
                .symlink("link", to: "d/../link2"), .symlink("link2", to: "d/old"),
            ])
        let outcome = try Fsscan.run(["--json", "-olink", "empty"], ProcessOptions { $0.directory = directory.path })
        #expect(outcome.status == 0, "\(outcome.errorText)")
        #expect(try status(directory.appending("d/old")).hasPrefix("-rw----r-- "))
        #expect(try content(directory.appending("link")).hasPrefix("{\n"))
        #expect(try content(directory.appending("d/other")) == "before")
        #expect(try status(directory.appending("link")).hasSuffix("symbolic link"))
    }

    @Test func aDanglingSymlinkNamesTheFileToBeMade() throws {
        let directory = try TemporaryDirectory(empty + [.directory("d"), .symlink("link", to: "d/new")])
        let options = ProcessOptions { $0.directory = directory.path }
        #expect(try Fsscan.run(["-o", "link", "empty"], options).status == 0)
        #expect(try status(directory.appending("d/new")).hasSuffix("regular file"))
    }

    @Test(
        arguments: [
            ("no/such/file", "No such file or directory"), ("d", "Is a directory"), ("d/", "Is a directory"),
            ("new/", "Is a directory"), ("file/x", "Not a directory"), ("loop", "Too many levels of symbolic links"),
            ("", "No such file or directory"), (ByteString([UInt8](repeating: 0x61, count: 256)), "File name too long"),
            ("/proc/x", isRoot ? "No such file or directory" : "Permission denied"),
            ("socket", "No such device or address"),
            ("/dev/full", "No space left on device"), ("/dev/fd/77", "Bad file descriptor"),
            ("/dev/fd/0", "Bad file descriptor"),
        ] as [(ByteString, String)])
    func anOutputThatCannotBeWrittenIsOneLineAndStatus74(_ path: ByteString, _ message: String) throws {
        let directory = try TemporaryDirectory(
            empty + [.directory("d"), .file("file"), .socket("socket"), .symlink("loop", to: "loop")])
        let before = try names(in: directory.descriptor).sorted()
        let outcome = try Fsscan.run(
            ["-o", path, "empty"],
            ProcessOptions {
                $0.directory = directory.path
                $0.environment = ["LC_ALL": "C"]
            })
        #expect(outcome.errorText == "fsscan: '\(path)': \(message)\n")
        #expect(outcome.status == 74)
        #expect(try names(in: directory.descriptor).sorted() == before)
    }

    @Test func aWriteProtectedFileOrDirectoryIsNotReplaced() throws {
        let directory = try TemporaryDirectory(
            [.directory("open", [.file("f", "before", mode: 0o444)]), .directory("closed", [.file("f", "before")])])
        for path in ["open", "closed"] {
            let mode = path == "open" ? "0777" : "0555"
            _ = try output(of: ["chmod", ByteString(mode), directory.appending(ByteString(path))])
        }
        let copy = try Fsscan.copy(to: directory)
        // Your own file in an unwritable directory is written in place.
        for path: ByteString in ["open/f", "closed/new"] + (isRoot ? ["closed/f"] : []) {
            let outcome = try run(
                [copy, "-o", directory.appending(path), "/dev/null"], ProcessOptions { $0.asOrdinaryUser = true })
            #expect(outcome.status == 74)
            #expect(outcome.errorText.hasSuffix(": Permission denied\n"))
        }
        #expect(try content(directory.appending("open/f")) == "before")
    }

    @Test func standardOutputThatCannotBeWrittenIsStatus74() throws {
        let targets: [(OutputTarget, String)] = [
            (.file("/dev/full"), "No space left on device"), (.closed, "Bad file descriptor"),
        ]
        for (target, message) in targets {
            for format: ByteString in ["--json", "--format=text"] {
                let outcome = try Fsscan.run([format, "/dev/null"], ProcessOptions { $0.standardOutput = target })
                #expect(outcome.errorText == "fsscan: standard output: \(message)\n")
                #expect(outcome.status == 74)
            }
        }
    }

    @Test func anOpenDescriptorIsWrittenToAsItIs() throws {
        for name: ByteString in ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "-"] {
            #expect(try Fsscan.run(["--json", "-o", name, "/dev/null"]).outputText.hasPrefix("{\n"))
        }
        // Appending continues at the end of the file.
        let directory = try TemporaryDirectory([.file("log", "before\n")])
        let script = #""$0" --json -o /dev/stdout /dev/null >> "$1""#
        _ = try output(of: ["bash", "-c", ByteString(script), Fsscan.path, directory.appending("log")])
        #expect(try content(directory.appending("log")).hasPrefix("before\n{\n"))
    }

    @Test func aPipeIsWrittenTo() throws {
        let directory = try TemporaryDirectory([.fifo("fifo")])
        let script = #""$0" --json -o "$1" /dev/null & cat "$1"; wait $!"#
        let read = try output(of: ["bash", "-c", ByteString(script), Fsscan.path, directory.appending("fifo")])
        #expect(read.starts(with: Array("{\n".utf8)))
        #expect(try status(directory.appending("fifo")).hasSuffix("fifo"))
    }

    @Test func aNonBlockingStandardOutputIsWaitedFor() throws {
        // A parent that made its pipe non-blocking, and a slow reader.
        let script = """
            import os, subprocess, sys, time
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            paths = ["/dev/null/" + "x" * 200] * 2000
            child = subprocess.Popen([sys.argv[1], "--json", "--no-progress", *paths, *paths], stdout=writer,
                                     stderr=subprocess.DEVNULL)
            os.close(writer)
            time.sleep(0.5)
            text = open(reader, "rb").read()
            sys.exit(0 if text.endswith(b"}\\n") and child.wait() in (0, 1) else 1)
            """
        #expect(try run(["python3", "-c", ByteString(script), Fsscan.path]).status == 0)
    }

    // MARK: ReplacementFile

    private func place(_ path: ByteString) throws -> OutputPlace {
        guard case .place(let place) = try OutputDestination(path.bytes) else {
            throw Failure("\(path) is a descriptor")
        }
        return place
    }

    private func replace(
        _ directory: TemporaryDirectory, _ name: String, _ text: String?, allowsUnnamed: Bool
    ) throws -> [ByteString] {
        let file = try ReplacementFile(place(directory.appending(ByteString(name))), allowsUnnamed: allowsUnnamed)
        let during = try names(in: directory.descriptor)
        guard let text else { return during }
        try Array(text.utf8).withUnsafeBytes { try file.write($0) }
        try file.commit()
        return during
    }

    @Test(arguments: [true, false])
    func aTemporaryIsNeverSeenBeforeTheFirstWriteNorLeftBehind(_ allowsUnnamed: Bool) throws {
        let directory = try TemporaryDirectory()
        #expect(try replace(directory, "a", nil, allowsUnnamed: allowsUnnamed) == [])
        #expect(try replace(directory, "a", "one", allowsUnnamed: allowsUnnamed) == [])
        #expect(try replace(directory, "a", "two", allowsUnnamed: allowsUnnamed) == ["a"])
        #expect(try names(in: directory.descriptor) == ["a"])
        #expect(try content(directory.appending("a")) == "two")
        // The target became a directory meanwhile.
        let file = try ReplacementFile(place(directory.appending("d")), allowsUnnamed: allowsUnnamed)
        try check("mkdirat", "d") { mkdirat(directory.descriptor, "d", 0o755) }
        #expect(throws: Errno.isDirectory) { try file.commit() }
        withExtendedLifetime(file) {}
    }
}
