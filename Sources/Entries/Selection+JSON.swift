package import Bytes
import LinuxKernel

// `options.select`, and the patterns of `options.exclude`.

extension JSONWriter {
    mutating func member(_ name: StaticString, patterns: [[UInt8]]) {
        key(name)
        beginArray()
        for pattern in patterns {
            beginObject()
            member("pattern", bytes: pattern)
            endObject()
        }
        endArray()
    }

    /// The members that are set.
    package mutating func object(selection: Selection) {
        beginObject()
        if selection.kinds != .all {
            key("kinds")
            beginArray()
            for kind in EntryKind.allCases where selection.kinds.contains(KindSet(kind)) { value(kind.recordName) }
            endArray()
        }
        if !selection.names.isEmpty { member("names", patterns: selection.names) }
        member("min_size", "max_size", selection.sizes)
        member("older", selection.older)
        member("newer", selection.newer)
        if let user = selection.user { member("uid", Int64(user)) }
        if let group = selection.group { member("gid", Int64(group)) }
        member("min_links", "max_links", selection.links)
        endObject()
    }

    private mutating func member(_ lower: StaticString, _ upper: StaticString, _ bounds: Selection.Bounds?) {
        guard let bounds else { return }
        member(lower, bounds.lower)
        if bounds.upper != .max { member(upper, bounds.upper) }
    }

    /// A time; or an age in seconds, if it has not been resolved.
    private mutating func member(_ name: StaticString, _ moment: Selection.Moment?) {
        switch moment {
        case nil: break
        case .at(let time): member(name, time: time)
        case .ago(let seconds): member(name, seconds)
        }
    }
}

extension JSONObject {
    func patterns(_ key: StaticString) throws(JSONFieldFailure) -> [[UInt8]] {
        var patterns: [[UInt8]] = []
        for item in self[key]?.array ?? [] {
            guard let pattern = try item.object?.bytes("pattern") else { throw JSONFieldFailure(key: "\(key)") }
            patterns.append(pattern)
        }
        return patterns
    }
}

extension Selection {
    /// As `JSONWriter` writes it. An unknown member is an error, because ignoring it would change the selection.
    init(_ object: JSONObject) throws(JSONFieldFailure) {
        self.init()
        for (name, _) in object.members where !Self.members.contains(String(decoding: name, as: UTF8.self)) {
            throw JSONFieldFailure(key: "select")
        }
        if let listed = object["kinds"]?.array {
            kinds = []
            for item in listed {
                let name = String(decoding: item.string ?? [], as: UTF8.self)
                guard let kind = EntryKind.allCases.first(where: { $0.recordName == name }) else {
                    throw JSONFieldFailure(key: "kinds")
                }
                kinds.insert(KindSet(kind))
            }
        }
        names = try object.patterns("names")
        sizes = try Self.bounds(object, "min_size", "max_size")
        links = try Self.bounds(object, "min_links", "max_links")
        older = try Self.moment(object, "older")
        newer = try Self.moment(object, "newer")
        user = try object.number("uid")
        group = try object.number("gid")
    }

    private static let members: Set<String> = [
        "kinds", "names", "min_size", "max_size", "older", "newer", "uid", "gid", "min_links", "max_links",
    ]

    private static func bounds(
        _ object: JSONObject, _ lower: StaticString, _ upper: StaticString
    ) throws(JSONFieldFailure) -> Bounds? {
        let (least, most) = (try object.size(lower), try object.size(upper))
        return least == nil && most == nil ? nil : Bounds(least ?? 0, most ?? .max)
    }

    private static func moment(_ object: JSONObject, _ key: StaticString) throws(JSONFieldFailure) -> Moment? {
        guard object[key]?.string != nil else { return try object.size(key).map { .ago($0) } }
        guard let text = try object.string(key), let time = Timestamp.parsed(text) else {
            throw JSONFieldFailure(key: "\(key)")
        }
        return .at(FileTime(seconds: time.seconds, nanoseconds: time.nanoseconds))
    }
}
