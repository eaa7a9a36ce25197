import ScanEngine
import Snapshots

extension NotCompared {
    /// Neither side has a digest of some file, or only the new one has.
    var isContent: Bool { field == "content" && reason != .bothSkipped && reason != .leftOutByRule }

    /// Its name for people.
    func phrase(_ quoting: Quoting) -> [UInt8] {
        // Named by what users look for in them: setfacl and setcap write xattrs.
        field == "xattrs"
            ? Array("extended attributes, ACLs and capabilities".utf8) : quoting.escaped(Array(field.utf8))
    }
}

extension [NotCompared] {
    /// Why a comparison ends with 2 although all shown entries could be read. Also printed on standard error, so that a
    /// job that discards the output still says why it failed.
    func troubleSentences(_ quoting: Quoting) -> [[UInt8]] {
        let reasons: [(Element.Reason, start: String)] = [
            (.newDoesNotSay, "Unknown in NEW"), (.cannotBeChecked, "Not checkable by fsscan"),
        ]
        return reasons.compactMap { (reason, start) -> [UInt8]? in
            let items = filter { $0.reason == reason }
            if items.isEmpty { return nil }
            let names = items.map { item -> [UInt8] in
                let count = HumanUnits.count(item.entries ?? 0, "entry", "entries")
                return item.phrase(quoting) + [UInt8](" (\(count))".utf8)
            }
            let accepted = items.map { quoting.escaped([UInt8]($0.field.utf8)) }
            return [UInt8]("\(start), not compared: ".utf8) + names.joined(separator: [UInt8](", ".utf8))
                + [UInt8]("; --ignore ".utf8) + accepted.joined(separator: [UInt8(ascii: ",")])
                + [UInt8](" accepts that.".utf8)
        }
    }
}

extension ComparisonTotals {
    /// What rules excluded: none of it is called equal.
    func ruledSentences(_ quoting: Quoting, isLive: Bool) -> [[UInt8]] {
        var sentences: [[UInt8]] = []
        if let count = notListed, count > 0 {
            let entries = HumanUnits.count(count, "entry", "entries")
            sentences.append(Array("Not listed in OLD, not compared: \(entries) of NEW.".utf8))
        }
        guard let ruled else { return sentences }
        if ruled.oldLeftOut > 0 || ruled.newLeftOut > 0 {
            let old = HumanUnits.count(ruled.oldLeftOut, "entry", "entries")
            let names = HumanUnits.count(ruled.newLeftOut, isLive ? "name" : "entry", isLive ? "names" : "entries")
            sentences.append(Array("Left out by rules: \(old) of OLD, \(names) of NEW.".utf8))
        }
        let fields = notCompared.filter { $0.reason == .leftOutByRule }.map { item in
            item.phrase(quoting) + Array(" (\(HumanUnits.count(item.entries ?? 0, "entry", "entries")))".utf8)
        }
        if !fields.isEmpty {
            sentences.append(
                Array("By rules, not compared: ".utf8) + fields.joined(separator: Array(", ".utf8)) + [0x2E])
        }
        if ruled.grown.compared > 0 {
            let files = HumanUnits.count(ruled.grown.compared, "file", "files")
            let bytes = HumanUnits.bytes(ruled.grown.bytes)
            let longer = "\(HumanUnits.count(ruled.grown.longer)) longer by \(bytes)"
            sentences.append(Array("By rules, compared up to their old size: \(files), \(longer).".utf8))
        }
        return sentences
    }
}
