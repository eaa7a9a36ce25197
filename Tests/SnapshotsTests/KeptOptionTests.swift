// Options of a scan through reports, records and saved scans.

import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import Snapshots

@Suite struct KeptOptionTests {
    /// Each option with a value that is not its default.
    private var unusual: ScanOptions {
        var options = ScanOptions(paths: [Array("tree".utf8)], threads: 1)
        for option in KeptOption.all {
            switch option.value {
            case .flag(let flag, _): options[keyPath: flag].toggle()
            case .bytes(let bytes, _): options[keyPath: bytes] = 12_345
            case .count(let count): options[keyPath: count] = 17
            case .algorithms(let algorithms): options[keyPath: algorithms] = [.md5, .sha256]
            case .patterns(let patterns): options[keyPath: patterns] = [Array("*.o".utf8), [0xFF, 0x2F]]
            case .ranking(let ranking): options[keyPath: ranking] = .oldest
            case .selection(let selection): options[keyPath: selection] = Self.unusualSelection
            case .time(let time): options[keyPath: time] = FileTime(seconds: -1, nanoseconds: 999)
            }
        }
        return options
    }

    /// All members differ from their defaults.
    private static var unusualSelection: Selection {
        var selection = Selection()
        selection.kinds = [.file, .symlink]
        selection.names = [Array("*.o".utf8), [0xFF, 0x2A]]
        (selection.sizes, selection.links) = (Selection.Bounds(1, 2), Selection.Bounds(3, .max))
        (selection.older, selection.newer) = (.at(FileTime(seconds: 5, nanoseconds: 6)), .ago(7))
        (selection.user, selection.group) = (8, .max)
        return selection
    }

    /// A member that is lost would change the selection when it is read.
    @Test func theUnusualSelectionHasEveryMember() {
        let (one, other) = (Mirror(reflecting: Self.unusualSelection), Mirror(reflecting: Selection()))
        for (left, right) in zip(one.children, other.children) {
            #expect("\(left.value)" != "\(right.value)", "\(left.label ?? "")")
        }
    }

    private func json(_ options: ScanOptions) -> [UInt8] {
        var writer = JSONWriter(layout: .compact)
        writer.object(options: options)
        return Array(writer.buffer.bytes)
    }

    private func differing(_ one: ScanOptions, _ other: ScanOptions) -> [String] {
        KeptOption.all.filter { option in
            switch option.value {
            case .flag(let flag, _): one[keyPath: flag] != other[keyPath: flag]
            case .bytes(let bytes, _): one[keyPath: bytes] != other[keyPath: bytes]
            case .count(let count): one[keyPath: count] != other[keyPath: count]
            case .algorithms(let algorithms): one[keyPath: algorithms] != other[keyPath: algorithms]
            case .patterns(let patterns): one[keyPath: patterns] != other[keyPath: patterns]
            case .ranking(let ranking): one[keyPath: ranking] != other[keyPath: ranking]
            case .selection(let selection): one[keyPath: selection] != other[keyPath: selection]
            case .time(let time): one[keyPath: time] != other[keyPath: time]
            }
        }.map(\.name.description)
    }

    @Test func writtenOptionsReadBackTheSame() throws {
        #expect(differing(unusual, ScanOptions(paths: [], threads: 1)).count == KeptOption.all.count)
        for options in [unusual, ScanOptions(paths: [], threads: 1)] {
            let object = try json(options).withUnsafeBytes { try JSONLine.object(in: $0) }
            #expect(try differing(ScanOptions(object, paths: []), options) == [])
        }
    }

    /// A live side is scanned with the options of the other side, whatever its format.
    @Test func recordsAndSavedScansKeepThem() throws {
        let directory = try TemporaryDirectory()
        let (records, saved) = (directory.appending("records").bytes, directory.appending("scans.db").bytes)
        var text = Array(#"{"type":"header","schema":"fsscan-records/1","roots":[{"path":"tree"}],"options":"#.utf8)
        text += json(unusual) + Array("}\n{\"type\":\"summary\",\"complete\":true}\n".utf8)
        _ = try output(
            of: ["sh", "-c", #"printf %s "$1" > "$2""#, "sh", ByteString(text), ByteString(records)])
        let reader = try SnapshotArgument.open(records, selector: nil, otherRoots: [])
        #expect(differing(try #require(reader.description.options), unusual) == [])
        let writer = try SavedScanWriter(saved, unusual, label: nil, version: "")
        try writer.finish(try Scan(unusual).run())
        let file = try SavedScans(saved)
        #expect(differing(try file.scan(nil).options, unusual) == [])
    }

    @Test(arguments: ["records-1", "report-2", "saved-1"]) func schemasHaveThem(_ schema: ByteString) throws {
        let path = Repository.path("schema/fsscan-" + schema + ".schema.json")
        let keys = try output(of: [
            "jq", "-r", #"."$defs".options.properties | del(.cwd, .cwd_b64) | keys_unsorted[]"#, path,
        ])
        let names = String(decoding: keys, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(Set(names) == Set(KeptOption.all.map(\.name.description)))
    }
}
