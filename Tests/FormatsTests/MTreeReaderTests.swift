import Entries
import Glibc
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import Formats

/// The expansion of a specification: lines complete paths that earlier lines began.
@Suite struct MTreeReaderTests {
    private func read(_ specification: String, allowance: Int = 0) throws -> [SnapshotEntry] {
        let source = try source(specification, allowance)
        var entries: [SnapshotEntry] = []
        while let entry = try source.next() { entries.append(entry) }
        return entries
    }

    private func source(_ specification: String, _ allowance: Int = 0) throws -> SortedSource {
        let file = try TemporaryDirectory([.file("spec", ByteString(specification))])
        let descriptor = open(file.appending("spec").text, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let input = SnapshotInput(path: Array("spec".utf8), descriptor: descriptor, beginning: [], isSeekable: true)
        return try MTreeReader(input, allowance: allowance).read()
    }

    /// A thousand nested directories, with two bytes each: a million bytes of paths.
    private let chain = "#mtree\n/set type=dir\n.\n" + String(repeating: "d\n", count: 1_000)

    @Test func aChainOfDirectoriesIsRead() throws {
        let entries = try read(chain, allowance: 2_000_000)
        #expect(entries.count == 1_001)
        #expect(entries.last?.key.path.count == 1_999)
        #expect(entries.map(\.key.path.count) == [0] + (1...1_000).map { 2 * $0 - 1 })
    }

    @Test func aFewLinesDoNotGrowWithoutBounds() throws {
        let failure = try #require(throws: SnapshotFailure.self) { try read(chain, allowance: 500_000) }
        // 64 times the 1,600 bytes so far, and 500,000.
        #expect(failure.message.hasPrefix("line ") && failure.message.contains("far more than the file"))
        let links = "#mtree\n/set type=link link=" + String(repeating: "x", count: 5_000) + "\n"
        let many = links + (0..<1_000).map { "\($0)\n" }.joined()
        #expect(throws: SnapshotFailure.self) { try read(many, allowance: 1_000_000) }
        #expect(try read(many, allowance: 5_000_000).count == 1_000)
    }

    @Test func dotsLeadUpwards() throws {
        let paths = try read("#mtree\n/set type=dir\n.\na\nb\n..\nc\n..\n..\nd\n..\n..\n./e/f\ng\n", allowance: 0)
            .map { String(decoding: $0.key.path, as: UTF8.self) }
        #expect(paths == ["", "a", "a/b", "a/c", "d", "e/f", "g"])
        #expect(throws: SnapshotFailure.self) { try read("#mtree\n..\n", allowance: 0) }
    }

    // MARK: Keywords

    @Test func uncheckableKeywordsAreCountedForEachEntry() throws {
        let counts = try source(
            """
            #mtree
            . type=dir xattr.user.a=eA== tags=a,b optional
            /set type=file sha3=12 cksum=5
            a
            b sha3=34 rmd160=5 size=1
            c nochange rmd160=5
            /unset sha3
            d flags=uarch,schg
            e device=native,1,2 uname=no-such-user-anywhere gname=no-such-group-anywhere
            /unset all
            f type=char device=freebsd,1,2 content=x flags=none # acl=x
            g type=file acl=x flags=nouchg,noschg
            """
        ).description.uncheckable
        #expect(
            counts == [
                "xattr.user.a": 1, "sha3": 2, "cksum": 4, "rmd160": 1, "flags": 1, "uname": 1, "gname": 1,
                "device": 1,
                "acl": 1,
            ])
    }

    /// The file determines their number and length, so storage is bounded, and they are not counted per entry.
    @Test func ofNamesThereIsABoundedNumber() throws {
        let set = "/set " + (0..<5_000).map { "k\($0)=1" }.joined(separator: " ") + "\n"
        let own = (0..<3_000).map { "f\($0) type=file own\($0)=1 \(String(repeating: "x", count: 300))=1\n" }.joined()
        let counts = try source("#mtree\n" + set + own, 1 << 20).description.uncheckable
        #expect(counts.count <= UncheckableCounts.mostNames + 1)
        #expect(counts["own7"] == 1)
        #expect(counts[UncheckableCounts.others, default: 0] >= 3_000)
        #expect(counts.keys.allSatisfy { $0.utf8.count <= UncheckableCounts.longestName })
    }

    @Test func rulesAreThoseOfTheEntryAndOfSet() throws {
        let rules = try read(
            """
            #mtree
            . type=dir
            a type=file nochange
            /set type=file optional
            b
            c ignore
            /unset optional
            d
            /set nochange
            /unset all
            e type=file
            """
        ).map(\.rules)
        #expect(rules == [[], .noChange, .optional, [.optional, .ignore], [], []])
    }

    @Test func ofTwoWaysToNameAnOwnerTheLaterCounts() throws {
        let owners = try read(
            "#mtree\n. type=dir\n/set type=file uid=7 gname=root\na\nb uname=root gid=8\nc uname=root uid=9\n"
        ).map { [$0.uid, $0.gid] }
        #expect(owners == [[nil, nil], [7, 0], [0, 8], [9, 0]])
    }

    @Test func flagsAndDevicesAreReadAsTheirProgramsWriteThem() throws {
        let entries = try read(
            """
            #mtree
            . resdevice=native,254,0
            a type=file flags=schg,nosappnd
            b type=file flags=none sha256digest=0x\(String(repeating: "ab", count: 32))
            c type=block device=0x103
            d type=char device=linux,0x10,010
            """)
        #expect(entries.map(\.kind) == [.directory, .file, .file, .blockDevice, .characterDevice])
        #expect(entries.map(\.flags) == [nil, .immutable, [], nil, nil])
        #expect(entries.map(\.specialDevice) == [nil, nil, nil, 0x103, 0x1008])
        #expect(entries[0].device == 0xFE00)
        #expect(entries[2].digests == [.sha256: Array(repeating: 0xAB, count: 32)])
    }

    @Test(arguments: [
        "mode=u", "mode=u=q", "mode=", "mode=8", "mode=10000", "size=", "uname=a\\000", "device=native,1,x",
    ])
    func aValueThatMakesNoSenseIsAnError(_ keyword: String) throws {
        #expect(throws: SnapshotFailure.self) { try read("#mtree\na type=char \(keyword)\n") }
    }
}
