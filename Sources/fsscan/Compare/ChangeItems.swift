// `--itemize`: the actions of `rsync -ac --delete --itemize-changes NEW/ OLD/`, as it prints them.
//
//   >fcst.po..x path         a file whose content, size, mtime, mode, owner and attributes differ
//   .f...p..... path         a file of which only the mode differs
//   cd+++++++++ path/ an added directory cLc.t...... path a symlink with another target *deleting path a removed entry

import Entries
import Formats
import LinuxKernel
import ScanEngine
import Snapshots

/// A moved entry is deleted and created: rsync does not detect moves. So is an entry of another kind. Fields without a
/// letter (flags, numbers of links, fractions of a second) get a line without letters. Entries that could not be read
/// or compared are `*unknown`.
struct ChangeItems: ChangeWriter {
    private var lines = ChangeLines()
    private let quoting: Quoting

    init(_ quoting: Quoting) { self.quoting = quoting }

    var buffered: Int { lines.count }

    mutating func drain(_ body: (UnsafeRawBufferPointer) throws(OutputError) -> Void) throws(OutputError) {
        try lines.drain(body)
    }

    mutating func begin(only: Set<ChangeKind>, _ selections: [Selection]) {}

    mutating func change(_ change: Change) {
        let kinds = change.kinds
        if !kinds.allSatisfy(\.isDifference) { line("*unknown   ", change.new ?? change.old) }
        if kinds.contains(.removed) || kinds.contains(.moved) {
            line("*deleting  ", change.old)
        }
        guard let entry = change.new, let kind = entry.kind else { return }
        if kinds.contains(.added) || kinds.contains(.moved) || kinds.contains(.kind) {
            line(kind == .file ? ">f+++++++++" : "c\(Self.letter(kind))+++++++++", entry)
        } else if kinds.contains(.content) || kinds.contains(.metadata) {
            line(Self.item(kind, change.fields), entry)
        }
    }

    private mutating func line(_ item: String, _ entry: SnapshotEntry?) {
        guard let entry else { return }
        // Below the PATH, as rsync prints it.
        let path = entry.key.isRoot ? Array(".".utf8) : entry.key.path
        let slash: [UInt8] = entry.kind == .directory ? [UInt8(ascii: "/")] : []
        let target = entry.target.map { Array(" -> ".utf8) + quoting.escaped($0) } ?? []
        lines.append(Array("\(item) ".utf8) + quoting.escaped(path) + slash + (item.first == "*" ? [] : target))
    }

    private static func letter(_ kind: EntryKind) -> Character {
        switch kind {
        case .file: "f"
        case .directory: "d"
        case .symlink: "L"
        case .blockDevice, .characterDevice: "D"
        case .fifo, .socket: "S"
        }
    }

    private static func item(_ kind: EntryKind, _ fields: [FieldChange]) -> String {
        func has(_ field: EntryField) -> Bool { fields.contains { $0.field == field } }
        func mark(_ letter: Character, _ isSet: Bool) -> Character { isSet ? letter : "." }
        let isContent = has(.size) || has(.digests) || has(.target) || has(.specialDevice)
        let attributes = fields.flatMap { field -> [ExtendedAttribute] in
            guard case .xattrs(let old) = field.old, case .xattrs(let new) = field.new else { return [] }
            return old.filter { !new.contains($0) } + new.filter { !old.contains($0) }
        }
        let isACL = { (attribute: ExtendedAttribute) in attribute.name.starts(with: "system.posix_acl_".utf8) }
        let update: Character = !isContent ? "." : kind == .file ? ">" : "c"
        let marks = [
            mark("c", isContent), mark("s", kind == .file && has(.size)),
            mark("t", fields.contains(where: isOtherTime)),
            mark("p", has(.mode)), mark("o", has(.uid)), mark("g", has(.gid)), ".",
            mark("a", attributes.contains(where: isACL)), mark("x", attributes.contains { !isACL($0) }),
        ]
        return String([update, letter(kind)] + marks)
    }

    /// rsync compares whole seconds, unless it gets `--modify-window=-1`.
    private static func isOtherTime(_ field: FieldChange) -> Bool {
        guard field.field == .mtime, case .time(let old) = field.old, case .time(let new) = field.new else {
            return false
        }
        return old.seconds != new.seconds
    }

    mutating func finish(
        _ totals: ComparisonTotals, _ hidden: HiddenChanges, _ status: ExitStatus, _ verified: Verified?
    ) {}
}
