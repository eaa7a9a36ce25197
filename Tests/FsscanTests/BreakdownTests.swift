// The tables of the report: extensions, types, owners, pseudo file systems. Against find and awk, and against the
// totals, to which the parts must add up.

import Foundation
import Glibc
import ScanEngine
import TestSupport
import Testing

/// The parts of a report that add up.
private struct Breakdown: Decodable {
    struct Part: Decodable, Equatable {
        var `extension`: String?
        var type: String?
        var uid: Int64?
        var entries: Int64?
        var files, apparentBytes, diskBytes: Int64
    }

    var totals: Totals
    var extensions, mimeTypes, owners, groups, pseudoFileSystems: [Part]
    var otherExtensions: Part

    init(_ scan: ScanRun) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Breakdown.self, from: Data(scan.outcome.standardOutput))
    }
}

/// Names of one inode with different extensions, inside and outside the scanned tree.
private let linkedTree: Tree = [
    .directory(
        "a", [.file("one.zip", ByteString([UInt8](repeating: 1, count: 9000))), .file("libz.so.1.2", "library")]),
    .directory(
        "b",
        [
            .hardLink("one", to: "a/one.zip"), .hardLink("one.jar", to: "a/one.zip"),
            .hardLink("one.jar.7", to: "a/one.zip"), .hardLink("libz.so", to: "a/libz.so.1.2"), .fifo("pipe"),
        ]),
    .directory("c", [.hardLink("pipe.x", to: "b/pipe"), .symlink("link.txt", to: "12345"), .file("frame.0001", "1")]),
    .hardLink("link.too", to: "c/link.txt"),
]

@Suite struct BreakdownTests {
    /// Names by extension, bytes by the smallest extension of an inode's names.
    private static let sums = #"""
        export LC_ALL=C
        find "$@" -type f -printf '%D:%i\t%s\t%b\t%f\n' | awk -F '\t' '{
            name = $4
            while (name ~ /.[.][0-9]+$/) sub(/[.][0-9]+$/, "", name)
            kind = ""
            if (name ~ /.[.][0-9A-Za-z]+$/) { kind = tolower(name); sub(/.*[.]/, "", kind) }
            if (length(kind) > 16) kind = ""
            files[kind]++
            size[$1] = $2; disk[$1] = $3 * 512
            if (!($1 in of) || of[$1] == "" || kind != "" && kind < of[$1]) of[$1] = kind
        } END {
            for (inode in of) { sizes[of[inode]] += size[inode]; disks[of[inode]] += disk[inode] }
            for (kind in files) printf "%s %d %d %d\n", kind, files[kind], sizes[kind], disks[kind]
        }' | sort
        """#

    private static func expected(_ paths: [ByteString]) throws -> [String] {
        let text = try output(of: ["bash", "-c", ByteString(sums), "bash"] + paths)
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static func found(_ parts: [Breakdown.Part]) -> [String] {
        parts.map { "\($0.extension ?? "?") \($0.files) \($0.apparentBytes) \($0.diskBytes)" }
            .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    /// Also if some names of an inode are not seen, or are seen twice.
    @Test(arguments: [[""], ["/b"], ["/a", "/c"], ["/b", "", "/b"]] as [[ByteString]])
    func extensionsAreThoseOfFindAndAwk(places: [ByteString]) throws {
        let directory = try TemporaryDirectory(linkedTree)
        let paths = places.map { directory.path + $0 }
        for threads in threadCounts {
            let breakdown = try Breakdown(ScanRun(paths, threads: threads))
            #expect(Self.found(breakdown.extensions) == (try Self.expected(paths)))
        }
        try expectAgreement(paths)
    }

    @Test func extensionsOfUsrShareAreThoseOfFindAndAwk() throws {
        let breakdown = try Breakdown(ScanRun(["/usr/share"]))
        #expect(Self.found(breakdown.extensions) == (try Self.expected(["/usr/share"])))
        #expect(breakdown.otherExtensions.files == 0)
    }

    /// 14,000 extensions: a single worker already has to drop some.
    @Test func noMoreThanTenThousandExtensionsAreListedAndTheOthersSummedUp() throws {
        func name(_ number: Int) -> ByteString { ByteString("f.\(String(number, radix: 36))x") }
        func files(_ count: Int) -> Tree { Tree((0..<count).map { .file(name($0), size: Int64($0)) }) }
        let directory = try TemporaryDirectory([
            .directory("1", files(14_000)), .directory("2", files(9000)),
            .directory("3", Tree((0..<100).map { .hardLink(name($0 + 1), to: "1/" + name($0)) })),
        ])
        let breakdown = try Breakdown(expectAgreement([directory.path]))
        #expect(breakdown.extensions.count == 10_000)
        let listed = breakdown.extensions.reduce(0) { $0 + $1.files }
        #expect(breakdown.otherExtensions.files == 23_100 - listed)
    }

    @Test func numberedFramesHaveNoExtension() throws {
        let frames = (0..<2000).map { Node.file("frame.\(10_000_000 + $0)", "x") }
        let directory = try TemporaryDirectory(Tree(frames))
        let breakdown = try Breakdown(expectAgreement([directory.path]))
        #expect(breakdown.extensions.map(\.extension) == [""])
        #expect(breakdown.extensions[0].files == 2000)
    }

    @Test(arguments: threadCounts) func anInodeCountsItsBytesOnceUnderItsType(threads: Int) throws {
        let directory = try TemporaryDirectory(linkedTree)
        for options in [["--mime"], ["--mime", "--hash", "sha256"]] as [[ByteString]] {
            let breakdown = try Breakdown(ScanRun(options + [directory.path], threads: threads))
            #expect(breakdown.mimeTypes.reduce(0) { $0 + $1.files } == 7)
            #expect(breakdown.mimeTypes.reduce(0) { $0 + $1.apparentBytes } == 9008)
            let files = breakdown.extensions.reduce(0) { $0 + $1.diskBytes }
            #expect(breakdown.mimeTypes.reduce(0) { $0 + $1.diskBytes } == files)
        }
    }

    /// Files taken over from a saved scan have types, too.
    @Test func typesFromABaselineCountAnInodeOnce() throws {
        let directory = try TemporaryDirectory(linkedTree)
        let saved = try TemporaryDirectory()
        // Files that changed shortly before a scan are read again.
        let script = """
            find "$1" -exec touch -h -d '1 hour ago' {} + && sleep 2.1
            "$0" --mime --save "$2/saved" "$1" >/dev/null 2>&1 && "$0" --json --mime --baseline "$2/saved" "$1"
            """
        let json = try output(of: ["sh", "-c", ByteString(script), Fsscan.path, directory.path, saved.path])
        let program: ByteString =
            "[.baseline.reused > 0] + (.mime_types | [map(.files), map(.apparent_bytes)] | map(add))"
        let sums = try output(of: ["jq", "-c", program], ProcessOptions { $0.input = json })
        #expect(ByteString(sums) == "[true,7,9008]\n")
    }

    // MARK: Pseudo file systems

    private static let isSysfs =
        (try? output(of: ["stat", "-f", "-c", "%T", "/sys/kernel/mm"])).map { ByteString($0) == "sysfs\n" } ?? false

    @Test(.enabled(if: isSysfs, "needs sysfs"), arguments: threadCounts)
    func pseudoFileSystemsAreNamed(threads: Int) throws {
        let breakdown = try Breakdown(ScanRun(["/sys/kernel/mm"], threads: threads))
        let sizes = try output(of: [
            "sh", "-c", "find /sys/kernel/mm -type f -printf '%s\\n' | awk '{ n++; s += $1 } END { print n, s }'",
        ])
        let part = try #require(breakdown.pseudoFileSystems.first)
        #expect(breakdown.pseudoFileSystems.count == 1 && part.type == "sysfs")
        #expect("\(part.files) \(part.apparentBytes)\n" == String(decoding: sizes, as: UTF8.self))
        #expect(part.entries == breakdown.totals.entries)

        let file = try Breakdown(ScanRun(["/proc/version", "/etc/passwd"], threads: threads))
        #expect(file.pseudoFileSystems.map(\.type) == ["proc"] && file.pseudoFileSystems[0].files == 1)
    }

    /// As `find` sees a tree without the contents of the mount point; a mount point given as PATH is entered.
    @Test(.enabled(if: isRoot && canMount, "needs root, to mount"), arguments: threadCounts)
    func kernelFileSystemsCanBeLeftOut(threads: Int) throws {
        let directory = try TemporaryDirectory([
            .directory("d", [.directory("proc"), .directory("tmp"), .file("f", "1")]), .file("mounted"),
        ])
        let script = #"""
            cd "$1" && mount -t proc proc d/proc && mount -t tmpfs tmpfs d/tmp && mkdir d/tmp/below &&
            find d -path d/proc -prune -printf x -o -printf x | wc -c
            "$2" --json --threads "$3" --exclude-kernfs d | jq -c '.totals.entries, .options.exclude_kernfs,
                .pseudo_file_systems, (.roots[0].tree.children | map(.totals.entries))'
            "$2" --json --exclude-kernfs d/proc/self/ | jq '.totals.entries > 2'
            "$2" --save saved --exclude-kernfs d >/dev/null 2>&1 && "$2" verify saved | head -1
            "$2" --ndjson --exclude-kernfs --sorted d | jq -c 'select(.type == "entry").path'
            """#
        let lines = try output(of: [
            "unshare", "-m", "sh", "-c", ByteString(script), "sh", directory.path, Fsscan.path, "\(threads)",
        ])
        #expect(
            ByteString(lines) == """
                5
                5
                true
                [{"type":"proc","entries":1,"files":0,"apparent_bytes":0,"disk_bytes":0}]
                [1,2]
                true
                No difference in what was compared.
                "d"
                "d/f"
                "d/proc"
                "d/tmp"
                "d/tmp/below"

                """)
    }
}
