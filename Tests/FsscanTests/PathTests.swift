// PATHs: missing ones, files, symlinks, repeated and overlapping ones, borders between file systems.

import TestSupport
import Testing

@Suite struct PathTests {
    @Test func aMissingPathKeepsItsPlaceAndTheOthersAreScanned() throws {
        let directory = try TemporaryDirectory([.directory("there", [.file("x", "1")])])
        let (missing, there) = (directory.appending("missing"), directory.appending("there"))
        let report = try expectAgreement([missing, there, missing], status: 1).report()
        #expect(report.roots.map(\.totals.entries) == [0, 2, 0])
        #expect(report.roots.map(\.totals.errors) == [1, 0, 1])
        #expect(report.errors.map(\.code) == ["ENOENT", "ENOENT"])
        #expect(report.totals.errors == 2)
    }

    @Test func pathsThatCannotBeResolvedAreErrors() throws {
        let directory = try TemporaryDirectory([
            .file("file"), .symlink("dangling", to: "nowhere"), .symlink("loop", to: "loop"),
        ])
        let long = ByteString([UInt8](repeating: 120, count: 300))
        let paths: [ByteString] = [
            directory.appending("file/"), directory.appending("file/below"), directory.appending("dangling/"),
            directory.appending("loop/"), directory.appending(long),
        ]
        let report = try expectAgreement(paths, status: 1).report()
        #expect(Set(report.errors.map(\.code)) == ["ENOTDIR", "ENOENT", "ELOOP", "ENAMETOOLONG"])
        #expect(report.totals.entries == 0)
    }

    @Test func anEmptyPathIsMissing() throws {
        try expectAgreement([""], status: 1)
    }

    @Test func aPathThatIsNoDirectoryIsOneEntry() throws {
        let directory = try TemporaryDirectory([
            .file("file.txt", "content"), .fifo("fifo"), .socket("socket"), .symlink("link", to: "directory"),
            .symlink("dangling", to: "nowhere"), .directory("directory", [.file("inside")]),
        ])
        let names: [ByteString] = ["file.txt", "fifo", "socket", "link", "dangling"]
        let report = try expectAgreement(names.map { directory.appending($0) }).report()
        #expect(report.roots.allSatisfy { $0.totals.entries == 1 && $0.tree == nil })
        #expect(report.totals.symlinks == 2)
    }

    @Test func aSymlinkIsFollowedOnlyWithATrailingSlash() throws {
        let directory = try TemporaryDirectory([
            .symlink("link", to: "directory"),
            .directory("directory", [.file("inside", "x"), .symlink("up", to: "..")]),
        ])
        let link = directory.appending("link")
        #expect(try expectAgreement([link]).report().totals.entries == 1)
        let followed = try expectAgreement([link + "/"]).report()
        #expect(followed.totals.entries == 3)
        #expect(followed.largestFiles.first?.bytes == link + "/inside")
        #expect(try expectAgreement([link + "//"]).report().largestFiles.first?.bytes == link + "//inside")
    }

    @Test func relativePathsArePrintedAsFindPrintsThem() throws {
        let directory = try TemporaryDirectory([
            .directory("d", [.file("f", "x")]), .directory("-x", [.file("g", "y")]),
        ])
        let inside = ProcessOptions { $0.directory = directory.path }
        for path: ByteString in [".", "./", "d", "d/", "d/.", "./d", "d/../d", "./-x"] {
            let scan = try expectAgreement(["--top", "100", path], inside)
            let find = try output(of: ["find", path, "-type", "f", "-print0"], inside).split(separator: 0)
            #expect(Set(try scan.report().largestFiles.map(\.bytes)) == Set(find.map { ByteString($0) }), "\(path)")
        }
        #expect(try expectAgreement(["--", "-x"], inside).report().totals.entries == 2)
    }

    @Test func aPathOfAnyBytesIsScanned() throws {
        let directory = try TemporaryDirectory([.directory([0xff, 0x0a, 0xc3], [.file([0xfe], "x")])])
        let report = try expectAgreement([directory.path.appending([0xff, 0x0a, 0xc3])]).report()
        #expect(report.largestFiles.first?.bytes == directory.path.appending([0xff, 0x0a, 0xc3]).appending([0xfe]))
    }

    @Test func repeatedAndOverlappingPathsAreScannedAsIfAlone() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.directory("b", [.file("x", "xx"), .hardLink("y", to: "a/b/x")]), .file("z", "z")]),
            .directory("c", [.hardLink("y", to: "a/b/x")]),
        ])
        let (a, b, c) = (directory.appending("a"), directory.appending("a/b"), directory.appending("c"))
        for paths in [[a, a], [a, b], [b, a], [a, c, b], [c, a, c, b, a], [b + "/", b, b + "/../b"]] {
            let scan = try expectAgreement(paths)
            #expect(try scan.report().totals.hardLinkedFiles == 1)
        }
        let overlap = try ScanRun([a, b])
        #expect(overlap.outcome.errorText.contains("a/b"), "a warning names overlaps")
        #expect(try ScanRun([a, c]).outcome.errorText == "")
    }

    @Test func morePathsComeFromAFileSeparatedByNUL() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.file("x")]), .directory([0x62, 0x0a, 0xff], [.file("y")]), .directory("c"),
        ])
        let list = directory.appending("a").bytes + [0] + directory.appending([0x62, 0x0a, 0xff]).bytes + [0]
        let scan = try ScanRun(["--files-from", "-", directory.appending("c")], ProcessOptions { $0.input = list })
        #expect(scan.outcome.end == .exited(0), "\(scan.outcome.errorText)")
        let report = try scan.report()
        #expect(report.totals.entries == 5)
        #expect(report.roots.count == 3)
        #expect(try scan.schemaProblems() == "")
    }

    /// A tmpfs in a directory, a bind mount of the same device, and a bind mount of a directory inside itself.
    @Test(.enabled(if: canMount, "\(mountObstacle ?? "")"), arguments: [["-x"], []] as [[ByteString]], threadCounts)
    func bordersAreThoseOfFind(options: [ByteString], threads: Int) throws {
        try expectBordersOfFind(options, threads, "exec \"$@\"")
    }

    /// Only statx reports mount points; without it a directory inside itself was listed again.
    @Test(.enabled(if: canMount, "\(mountObstacle ?? "")"), arguments: [["-x"], []] as [[ByteString]])
    func bordersAreThoseOfFindWithoutStatx(options: [ByteString]) throws {
        try expectBordersOfFind(options, 2, "exec \(CProgram.refuse.get().path) ENOSYS statx \"$@\"")
    }

    private func expectBordersOfFind(_ options: [ByteString], _ threads: Int, _ launch: ByteString) throws {
        let directory = try TemporaryDirectory([
            .directory("mount", [.file("hidden")]), .directory("bind"), .directory("source", [.file("bound", "x")]),
            .directory("inside", [.directory("itself", [.file("under")]), .file("beside", "y")]), .file("plain", "z"),
        ])
        let script = """
            set -e; cd "$1"; fsscan=$2; python=$3; oracles=$4; threads=$5; shift 5
            mount -t tmpfs none mount; mkdir mount/d; echo abc >mount/d/f
            mount --bind source bind
            mount --bind inside inside/itself
            launch() { (\(launch.text)); }
            report=$(launch "$fsscan" --json --threads $threads "$@" .) && echo 0 || echo $?
            printf '%s' "$report" | "$python" "$oracles/reference_scan.py" --compare "$@" . || true
            printf '%s' "$report" | "$python" "$oracles/validate.py" report || true
            """
        let result = try TestSupport.run(
            [
                "unshare", "-m", "sh", "-c", ByteString(script), "sh", directory.path, Fsscan.path,
                Repository.python(), Repository.path("Tests/oracles"), "\(threads)",
            ] + options)
        // ELOOP for the directory that is its own ancestor.
        #expect(result.outputText == "1\n", "\(result.errorText)")
    }
}
