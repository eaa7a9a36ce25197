// The table of fields against hand-written copies: docs, schemas, the form in memory, the fingerprint.

import CLinux
import Entries
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

@Suite struct EntryFieldTests {
    private static func text(_ path: ByteString) throws -> String {
        String(decoding: try Repository.contents(path), as: UTF8.self)
    }

    private static func names(_ fields: some Sequence<EntryField>) -> [String] { fields.map(\.name.description) }

    /// Text in backquotes.
    private static func quoted(_ text: some StringProtocol) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    @Test func memoryHasRoomForEachField() {
        #expect(EntryValues.Words.count == EntryField.kept.count)
        #expect(EntryField.kept == Array(EntryField.allCases.prefix(EntryField.kept.count)))
        let times = EntryField.kept.filter { $0.type == .time }
        #expect(EntryValues.Nanoseconds.count == times.count)
        #expect(times.map { Int($0.rawValue) } == Array(0..<times.count).map { $0 + Int(EntryField.mtime.rawValue) })
        #expect(EntryField.allCases.map { Int($0.rawValue) } == Array(EntryField.allCases.indices))
        #expect(EntryField.allCases.map(\.index) == Array(EntryField.allCases.indices))
        #expect(EntryField.allCases.count <= UInt32.bitWidth)
    }

    /// docs/OUTPUT.md, to which docs/FORMATS.md refers for the columns of CSV.
    @Test func theDocumentedTableIsThisOne() throws {
        let lines = try Self.text("docs/OUTPUT.md").split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0.hasPrefix("| field | ") })
        let rows = lines[(start + 2)...].prefix { $0.hasPrefix("|") }
            .map { $0.split(separator: "|", omittingEmptySubsequences: false) }
        #expect(rows.map { Self.quoted($0[1]) } == Self.names(EntryField.allCases).map { [$0] })
        for (row, field) in zip(rows, EntryField.allCases) {
            let kinds: [KindSet: String] = [
                .all: "all", .file: "files", .symlink: "symlinks", [.blockDevice, .characterDevice]: "devices",
            ]
            #expect(row[3] == " \(kinds[field.kinds] ?? "") ", "\(field)")
            let isCompared = field.traits.contains(.compared) || field == .digests
            let word = isCompared ? " yes " : field.traits.contains(.onDemand) ? " `--also` " : " "
            #expect(row[4] == word, "\(field)")
            if field.help != nil { #expect(row[2].contains("`--\(field.name)`"), "\(field)") }
        }
    }

    /// docs/DIFF.md, and the help of `--also`.
    @Test func theComparedFieldsAreDocumented() throws {
        let paragraphs = try Self.text("docs/DIFF.md").split(separator: "\n\n")
        func documented(_ beginning: String, until end: String) throws -> Set<String> {
            let paragraph = try #require(paragraphs.first { $0.hasPrefix(beginning) && $0.contains(end) })
            let list = try #require(paragraph.split(separator: end).first)
            return Set(Self.quoted(list)).intersection(Self.names(EntryField.allCases))
        }
        let compared = FieldSet(having: .compared)
        #expect(
            try documented("By default: ", until: "An intruder")
                == Set(Self.names(EntryField.comparable.filter(compared.contains))))
        let onDemand = Set(Self.names(EntryField.comparable.filter { !compared.contains($0) }))
        #expect(try documented("`inode`", until: " are compared only with `--also`") == onDemand)
        let notOfDirectories = FieldSet(having: .followsEntries).intersection(compared)
        #expect(
            try documented("`size`", until: " of directories are not compared")
                == Set(Self.names(EntryField.comparable.filter(notOfDirectories.contains))))
        let help = try Self.text("Sources/fsscan/Compare/DiffCommand.swift")
        let also = try #require(help.split(separator: "Compare these fields, too: ").last?.split(separator: ".").first)
        #expect(Set(also.split(separator: ", ").map(String.init)) == onDemand)
    }

    @Test func theSchemaOfRecordsHasTheseFields() throws {
        let schema = Repository.path("schema/fsscan-records-1.schema.json")
        let keys = try output(of: ["jq", "-r", #"."$defs".entry.properties | keys_unsorted[]"#, schema])
        var expected: Set = ["type", "path", "path_b64", "target_b64", "xattrs_b64"]
        for field in EntryField.allCases {
            expected.insert(field.name.description)
            if field.type == .time { expected.insert("\(field.name)_seconds") }
        }
        #expect(Set(String(decoding: keys, as: UTF8.self).split(separator: "\n").map(String.init)) == expected)
    }

    /// Every schema that lists algorithms lists all of them; the names that a comparison uses are the fields and those.
    @Test(arguments: ["records-1", "report-2", "saved-1", "diff-2"])
    func schemasListTheAlgorithms(_ schema: ByteString) throws {
        let path = Repository.path("schema/fsscan-" + schema + ".schema.json")
        func lists(_ filter: ByteString) throws -> [[String]] {
            let lines = String(decoding: try output(of: ["jq", "-r", filter, path]), as: UTF8.self)
            return lines.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        }
        let algorithms = DigestAlgorithm.allCases.map(\.rawValue)
        let enumerations = try lists(
            #"[.. | objects | .enum? // empty] | .[] | select(index("sha256")) | join(" ")"#)
        try #require(!enumerations.isEmpty)
        for list in enumerations {
            #expect(list.filter(algorithms.contains) == algorithms)
            let others = list.filter { !algorithms.contains($0) && $0 != "content" }
            #expect(others == (schema == "diff-2" ? Self.names(EntryField.comparable) : []))
        }
        for digests in try lists(
            #".. | objects | .properties? // empty | select(.sha256 and .evidence == null) | keys_unsorted | join(" ")"#
        ) {
            #expect(digests == algorithms)
        }
    }

    // MARK: The fingerprint

    private func state(_ kind: EntryKind, _ status: FileStatus, _ content: EntryContent) throws -> [UInt8] {
        var state = EntryFingerprint(try DigestMethods(EntryFingerprint.methods))
        var tree = TreeDigest(EntryFingerprint.methods)
        Array("a".utf8).withUnsafeBytes { tree.append(name: $0, mode: 0o100644, row: [UInt8](repeating: 0, count: 32)) }
        let value = state.value(of: kind, status, content, tree: tree)
        return try #require(value)
    }

    /// For each kind, the fingerprint changes with the fields that are compared by default, and with no others.
    @Test(arguments: EntryKind.allCases) func theFingerprintCoversTheFieldsComparedByDefault(_ kind: EntryKind) throws {
        let attribute = ExtendedAttribute(name: [1], value: [2])
        let content = EntryContent(target: [1], digests: [UInt8](repeating: 1, count: 32), mime: "a/b", xattrs: [])
        let before = try state(kind, FileStatus(), content)
        let changes: [(EntryField, (inout FileStatus, inout EntryContent) -> Void)] = [
            (.size, { status, _ in status.raw.stx_size = 1 }), (.diskBytes, { status, _ in status.raw.stx_blocks = 1 }),
            (.mode, { status, _ in status.raw.stx_mode = 0o4000 }), (.uid, { status, _ in status.raw.stx_uid = 1 }),
            (.gid, { status, _ in status.raw.stx_gid = 1 }), (.links, { status, _ in status.raw.stx_nlink = 1 }),
            (.device, { status, _ in status.raw.stx_dev_minor = 1 }), (.inode, { status, _ in status.raw.stx_ino = 1 }),
            (.mtime, { status, _ in status.raw.stx_mtime.tv_nsec = 1 }),
            (.mtime, { status, _ in status.raw.stx_mtime.tv_sec = 1 }),
            (.ctime, { status, _ in status.raw.stx_ctime.tv_nsec = 1 }),
            (.ctime, { status, _ in status.raw.stx_ctime.tv_sec = 1 }),
            (
                .btime,
                { status, _ in
                    status.raw.stx_mask = UInt32(STATX_BTIME)
                    status.raw.stx_btime.tv_sec = 1
                }
            ),
            (.atime, { status, _ in status.raw.stx_atime.tv_sec = 1 }),
            (.target, { $1.target = [2] }), (.specialDevice, { status, _ in status.raw.stx_rdev_minor = 1 }),
            (.digests, { $1.digests = [UInt8](repeating: 2, count: 32) }), (.mime, { $1.mime = "a/c" }),
            (.changed, { $1.isChanged = true }),
            (.flags, { status, _ in status.raw.stx_attributes_mask = .max }), (.xattrs, { $1.xattrs = [attribute] }),
        ]
        #expect(Set(changes.map(\.0)).union([.kind]) == Set(EntryField.allCases), "each field is tried")
        for (field, change) in changes {
            var (status, content) = (FileStatus(), content)
            change(&status, &content)
            let isOfKind = field.kinds.contains(KindSet(kind))
            // Entries without content have no size, and the digests of zero bytes.
            let isCompared = field.traits.contains(.compared) || field == .digests
            let isLeftOut = kind == .directory && (field.traits.contains(.followsEntries) || field == .digests)
            let hasSize = field != .size || kind == .file || kind == .symlink
            let isCovered = isOfKind && isCompared && !isLeftOut && hasSize
            #expect(try (state(kind, status, content) != before) == isCovered, "\(field) of \(kind)")
        }
    }
}
