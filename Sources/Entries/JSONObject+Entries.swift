package import Bytes
import LinuxKernel

/// Shared by records and the lines of the earlier scanner.
extension JSONObject {
    /// A number that fits; nil if there is no such member.
    ///
    /// - Throws: if the value has another type.
    package func number<Value: FixedWidthInteger>(
        _ key: StaticString, _ ending: StaticString = ""
    ) throws(JSONFieldFailure) -> Value? {
        guard let value = self[key, ending] else { return nil }
        let number = value.integer.flatMap { Value(exactly: $0) } ?? value.unsigned.flatMap { Value(exactly: $0) }
        guard let number else { throw JSONFieldFailure(key: "\(key)\(ending)") }
        return number
    }

    /// A number of bytes: not negative.
    package func size(_ key: StaticString) throws(JSONFieldFailure) -> Int64? {
        let size: Int64? = try number(key)
        guard size ?? 0 >= 0 else { throw JSONFieldFailure(key: "\(key)") }
        return size
    }

    /// Bytes; those under the same key with `_b64` win.
    package func bytes(_ key: StaticString) throws(JSONFieldFailure) -> [UInt8]? {
        if let exact = self[key, "_b64"] {
            guard let decoded = exact.string.flatMap({ Base64.decoded($0) }) else {
                throw JSONFieldFailure(key: "\(key)_b64")
            }
            return decoded
        }
        return try string(key)
    }

    package func string(_ key: StaticString) throws(JSONFieldFailure) -> [UInt8]? {
        guard let value = self[key] else { return nil }
        guard let text = value.string else { throw JSONFieldFailure(key: "\(key)") }
        return text
    }

    /// Digests by the names of algorithms; others are ignored.
    package func digests(_ key: StaticString) throws(JSONFieldFailure) -> EntryDigests {
        guard let value = self[key] else { return [:] }
        guard let object = value.object else { throw JSONFieldFailure(key: "\(key)") }
        var digests = EntryDigests()
        for (name, value) in object.members {
            guard let algorithm = DigestAlgorithm(rawValue: String(decoding: name, as: UTF8.self)) else { continue }
            guard let hex = value.string, let digest = Bytes.bytes(ofHex: hex), digest.count == algorithm.byteCount
            else { throw JSONFieldFailure(key: algorithm.rawValue) }
            digests[algorithm] = digest
        }
        return digests
    }
}

extension ScanOptions {
    /// The options of a scan as `JSONWriter` writes them, for another scan with the same options.
    package init(_ object: JSONObject, paths: [[UInt8]]) throws(JSONFieldFailure) {
        self.init(paths: paths, threads: 1)
        for option in KeptOption.all {
            switch option.value {
            case .flag(let flag, _): self[keyPath: flag] = object[option.name]?.bool ?? false
            case .bytes(let bytes, let before):
                self[keyPath: bytes] = try object.size(option.name) ?? before ?? self[keyPath: bytes]
            case .count(let count):
                guard let number = try object.size(option.name) else { continue }
                self[keyPath: count] = min(Int(number), KeptOption.counts.upperBound)
            case .algorithms(let algorithms):
                for name in object[option.name]?.array ?? [] {
                    let text = String(decoding: name.string ?? [], as: UTF8.self)
                    guard let algorithm = DigestAlgorithm(rawValue: text) else {
                        throw JSONFieldFailure(key: "\(option.name)")
                    }
                    self[keyPath: algorithms].append(algorithm)
                }
            case .ranking(let ranking):
                guard let name = try object.string(option.name) else { continue }
                guard let rank = Ranking(rawValue: String(decoding: name, as: UTF8.self)) else {
                    throw JSONFieldFailure(key: "\(option.name)")
                }
                self[keyPath: ranking] = rank
            case .time(let time):
                guard let text = try object.string(option.name) else { continue }
                guard let parsed = Timestamp.parsed(text) else { throw JSONFieldFailure(key: "\(option.name)") }
                self[keyPath: time] = FileTime(seconds: parsed.seconds, nanoseconds: parsed.nanoseconds)
            case .patterns(let patterns): self[keyPath: patterns] = try object.patterns(option.name)
            case .selection(let selection):
                guard let value = object[option.name] else { continue }
                guard let members = value.object else { throw JSONFieldFailure(key: "\(option.name)") }
                self[keyPath: selection] = try Selection(members)
            }
        }
    }
}

/// A member that is missing, or has the wrong type.
package struct JSONFieldFailure: Error {
    package var key: String

    package init(key: String) { self.key = key }
}
