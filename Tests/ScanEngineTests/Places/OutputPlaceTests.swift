// The way to an output, and that the checked file is the opened one. What root refuses: FsscanTests/OutputSafetyTests.

import CLinux
import Glibc
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

@Suite struct OutputPlaceTests {
    private static func place(_ path: ByteString) throws -> OutputPlace {
        guard case .place(let place) = try OutputDestination(path.bytes) else {
            throw Failure("\(path) is a descriptor")
        }
        return place
    }

    @Test(
        arguments: [
            ("d/../d/./f", "d/f"), ("l/f", "d/f"), ("l/../f", "f"), ("//d///f", "d/f"), ("chain", "d/new"),
            ("d/new", "d/new"), ("up/f", "f"),
        ] as [(ByteString, ByteString)])
    func aPathIsResolvedAsTheKernelDoes(_ given: ByteString, _ expected: ByteString) throws {
        let directory = try TemporaryDirectory([
            .directory("d", [.file("f"), .symlink("back", to: "../up")]), .symlink("l", to: "d//"), .file("f"),
            .symlink("chain", to: "l/../chain2"), .symlink("chain2", to: "d/back/d/new"), .symlink("up", to: "d/.."),
        ])
        #expect(try Self.place(directory.appending(given)).path == directory.appending(expected).bytes)
    }

    /// Opens a pipe that is swapped for a link meanwhile, and writes to the opened file.
    private static func openSwapped(_ directory: ByteString, withoutProc: Bool) throws -> PlaceError? {
        let place = try place(directory.appending("pipe"))
        _ = try output(of: ["ln", "-sf", "victim", directory.appending("pipe")])
        if withoutProc { try hideProc() }
        do throws(PlaceError) {
            let writer = try place.open()
            defer { close(writer) }
            _ = write(writer, "report", 6)
            return nil
        } catch {
            return error
        }
    }

    private static func hideProc() throws {
        _ = try output(of: ["mount", "--make-rprivate", "/"])
        _ = try output(of: ["mount", "-t", "tmpfs", "none", "/proc"])
    }

    private static let pipe: Tree = [.fifo("pipe"), .file("victim", "before")]

    private static func reader(of directory: TemporaryDirectory) throws -> CInt {
        try check("open", "pipe") { openat(directory.descriptor, "pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
    }

    @Test func aPipeThatIsSwappedForALinkIsStillThePipe() throws {
        let directory = try TemporaryDirectory(Self.pipe)
        let reader = try Self.reader(of: directory)
        defer { close(reader) }
        #expect(try Self.openSwapped(directory.path, withoutProc: false) == nil)
        var bytes = [UInt8](repeating: 0, count: 10)
        #expect(read(reader, &bytes, 10) == 6)
        #expect(try output(of: ["cat", directory.appending("victim")]) == Array("before".utf8))
    }

    @Test(.enabled(if: canMount, "needs root, to mount"))
    func withoutProcAPipeIsOpenedByItsNameAndNothingElseIs() throws {
        let directory = try TemporaryDirectory(Self.pipe)
        let reader = try Self.reader(of: directory)
        defer { close(reader) }
        let path = directory.path
        let opened = try inMountNamespace {
            let place = try Self.place(path.appending("pipe"))
            try Self.hideProc()
            let writer = try place.open()
            defer { close(writer) }
            return write(writer, "report", 6)
        }
        #expect(opened == 6)
        let failure = try inMountNamespace { try Self.openSwapped(path, withoutProc: true) }
        #expect(failure?.error == .isLoop)
        #expect(try output(of: ["cat", directory.appending("victim")]) == Array("before".utf8))
    }
}
