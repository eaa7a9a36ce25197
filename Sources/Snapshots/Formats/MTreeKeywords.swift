import ScanEngine

/// The keywords of one mtree entry, or of `/set`, as far as snapshots know them.
struct MTreeKeywords {
    private(set) var values: [String: ArraySlice<UInt8>] = [:]

    /// Digests under the names that mtree programs give them.
    private static let digests: [(String, DigestAlgorithm)] = [
        ("md5", .md5), ("md5digest", .md5), ("sha1", .sha1), ("sha1digest", .sha1), ("sha256", .sha256),
        ("sha256digest", .sha256), ("sha512", .sha512), ("sha512digest", .sha512),
    ]

    private static let kinds: [String: EntryKind] = Dictionary(
        uniqueKeysWithValues: EntryKind.allCases.map { ($0.mtreeName, $0) })

    private static let known = Set(
        digests.map(\.0) + [
            "type", "size", "uid", "gid", "nlink", "inode", "time", "flags", "mode", "link", "device",
        ])

    /// Takes `keyword=value`, or a keyword alone. Others are left out: what `/set` sets is copied for each entry.
    mutating func set(_ word: ArraySlice<UInt8>) {
        let parts = word.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(decoding: parts[0], as: UTF8.self)
        if Self.known.contains(name) { values[name] = parts.count > 1 ? parts[1] : [] }
    }

    mutating func unset(_ word: ArraySlice<UInt8>) {
        let name = String(decoding: word, as: UTF8.self)
        if name == "all" { values = [:] } else { values[name] = nil }
    }

    /// The entry's own keywords win.
    func overridden(by own: MTreeKeywords) -> MTreeKeywords {
        var all = self
        all.values.merge(own.values) { $1 }
        return all
    }

    // MARK: Fields

    /// Fills in what the keywords say.
    ///
    /// - Returns: the keyword whose value makes no sense; nil if all do.
    func fill(_ entry: inout SnapshotEntry) -> String? {
        if let type = text("type") {
            guard let kind = Self.kinds[type] else { return "type" }
            entry.kind = kind
        } else if describesFile {
            entry.kind = .file
        } else if !values.isEmpty {
            // What is of no kind would be compared with nothing.
            return "type"
        }
        do throws(BadKeyword) {
            entry.size = try number("size")
            entry.uid = try number("uid")
            entry.gid = try number("gid")
            entry.links = try number("nlink")
            entry.inode = try number("inode")
            entry.mtime = try time()
            entry.flags = flags()
            // Symbolic modes are an operation on what is there.
            if let mode = text("mode"), mode.first?.isNumber == true {
                guard let bits = UInt32(mode, radix: 8), bits <= 0o7777 else { throw BadKeyword(name: "mode") }
                entry.mode = bits
            }
            if entry.kind == .symlink, let link = values["link"] {
                guard let target = Vis.decoded(link) else { throw BadKeyword(name: "link") }
                entry.target = target
            }
            if entry.kind == .blockDevice || entry.kind == .characterDevice { entry.specialDevice = try device() }
            if entry.kind == .file {
                for (name, algorithm) in Self.digests {
                    guard let hex = values[name] else { continue }
                    guard let digest = bytes(ofHex: hex), digest.count == algorithm.byteCount else {
                        throw BadKeyword(name: name)
                    }
                    entry.digests[algorithm] = digest
                }
            }
            return nil
        } catch {
            return error.name
        }
    }

    /// Whether it has what files have, and nothing else has: libarchive may be told to leave out the type.
    private var describesFile: Bool {
        values["link"] == nil && values["device"] == nil
            && (values["size"] != nil || Self.digests.contains { values[$0.0] != nil })
    }

    private struct BadKeyword: Error {
        var name: String
    }

    private func text(_ name: String) -> String? { values[name].map { String(decoding: $0, as: UTF8.self) } }

    private func number<Value: FixedWidthInteger>(_ name: String) throws(BadKeyword) -> Value? {
        guard let text = text(name) else { return nil }
        guard let value = Value(text), value >= 0 else { throw BadKeyword(name: name) }
        return value
    }

    /// Seconds, and behind the dot nanoseconds as a number: that is how mtree programs read it.
    private func time() throws(BadKeyword) -> SnapshotTime? {
        guard let parts = text("time")?.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false) else {
            return nil
        }
        guard let seconds = Int64(parts[0]), let nanoseconds = parts.count > 1 ? Int64(parts[1]) : 0,
            (0..<1_000_000_000).contains(nanoseconds)
        else { throw BadKeyword(name: "time") }
        return SnapshotTime(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// Names of BSD; those that Linux does not have say nothing.
    private func flags() -> InodeFlags? {
        guard let names = text("flags")?.split(separator: ",") else { return nil }
        var flags: InodeFlags = []
        for name in names {
            switch name {
            case "schg", "schange", "simmutable": flags.insert(.immutable)
            case "sappnd", "sappend": flags.insert(.appendOnly)
            default: break
            }
        }
        return flags
    }

    /// `0x103`, or `format,major,minor` of a format that has the numbers of Linux.
    private func device() throws(BadKeyword) -> UInt64? {
        guard let parts = text("device")?.split(separator: ",", omittingEmptySubsequences: false) else { return nil }
        if parts.count == 1 {
            let number = parts[0].hasPrefix("0x") ? UInt64(parts[0].dropFirst(2), radix: 16) : UInt64(parts[0])
            guard let number else { throw BadKeyword(name: "device") }
            return number
        }
        guard parts[0] == "native" || parts[0] == "linux" else { return nil }
        guard parts.count == 3, let major = UInt32(parts[1]), let minor = UInt32(parts[2]) else {
            throw BadKeyword(name: "device")
        }
        return FileStatus.deviceNumber(major: major, minor: minor)
    }
}
