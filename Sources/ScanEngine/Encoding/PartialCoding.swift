// A partial result as bytes: the results of one process about its part of a scan, for the process that merges the
// parts. The same bytes are a file of `fsscan --shard`, and a message between the ranks of `fsscan-mpi`.
//
//   "fsscanPR" │ version │ host │ devices │ directories │ body
//
//   devices      st_dev, and the paths where this part has found the device          referred to by number in the body
//   directories  the one above (or the number of the PATH), and the name             likewise: paths share prefixes
//
// Two parts may have been scanned on two machines, where one device has two numbers: `DeviceMap`.
//
// To add a value: a line in `encode` and one in `init`, at the same place, and a new `version`.

import Bytes
import Entries
import LinuxKernel

/// A component of a partial result.
protocol PartialCodable {
    func encode(to encoder: inout PartialEncoder)
    init(from decoder: inout PartialDecoder) throws(BinaryFailure)
    /// Its minimum size in bytes.
    static var leastBytes: Int { get }
}

extension PartialCodable {
    static var leastBytes: Int { 1 }
}

/// The format: a reader refuses another version.
enum PartialFormat {
    static let magic = Array("fsscanPR".utf8)
    static let version: UInt32 = 2
}

struct PartialEncoder {
    var out = BinaryWriter()
    private var directories = BinaryWriter()
    private var directoryNumbers: [ObjectIdentifier: UInt32] = [:]
    /// Keeps the nodes alive that `directoryNumbers` refers to by address.
    private var nodes: [PathNode] = []
    private var devices: [UInt64] = []
    private var deviceNumbers: [UInt64: UInt32] = [:]

    mutating func put(_ value: some PartialCodable) { value.encode(to: &self) }

    mutating func put(_ value: (some PartialCodable)?) {
        out.put(value != nil)
        if let value { put(value) }
    }

    mutating func put(_ values: [some PartialCodable]) {
        out.put(count: values.count)
        for value in values { put(value) }
    }

    mutating func put(string: [UInt8]?) {
        out.put(string != nil)
        if let string { out.put(string: string) }
    }

    mutating func put(device: UInt64) { out.put(number(ofDevice: device)) }

    mutating func put(_ identity: DeviceInode) {
        put(device: identity.device)
        out.put(identity.inode)
    }

    mutating func put(_ node: PathNode) { out.put(number(of: node)) }

    private mutating func number(ofDevice device: UInt64) -> UInt32 {
        if let number = deviceNumbers[device] { return number }
        let number = UInt32(devices.count)
        devices.append(device)
        deviceNumbers[device] = number
        return number
    }

    /// Writes the ancestors first, because a reader needs them first. A loop, because a path has any length.
    private mutating func number(of node: PathNode) -> UInt32 {
        if let known = directoryNumbers[node.identifier] { return known }
        var unknown = [node]
        while let parent = unknown[unknown.count - 1].parent, directoryNumbers[parent.identifier] == nil {
            unknown.append(parent)
        }
        while let node = unknown.popLast() {
            let parent = node.parent.map { directoryNumbers[$0.identifier]! }
            directories.put(parent != nil)
            directories.put(parent ?? UInt32(node.root))
            directories.put(string: parent == nil ? [] : node.name)
            directoryNumbers[node.identifier] = UInt32(nodes.count)
            nodes.append(node)
        }
        return UInt32(nodes.count - 1)
    }

    /// - Parameter mounts: where this part has found the devices.
    func finish(_ mounts: MountNotes) -> [UInt8] {
        var all = BinaryWriter()
        all.put(raw: PartialFormat.magic)
        all.put(PartialFormat.version)
        all.put(string: MountNotes.host)
        all.put(count: devices.count)
        for device in devices {
            all.put(device)
            let paths = mounts.paths(of: device)
            all.put(count: paths.count)
            for path in paths { all.put(string: path) }
        }
        all.put(count: nodes.count)
        all.put(raw: directories.bytes)
        all.put(raw: out.bytes)
        return all.bytes
    }
}

/// The devices of one part, with its own numbers.
struct PartialDevices: Sendable {
    struct Device: Sendable {
        let number: UInt64
        let paths: [[UInt8]]
    }

    let host: [UInt8]
    let devices: [Device]
}

struct PartialDecoder {
    var input: BinaryReader
    let parts: PartialDevices
    /// The merged numbers of the devices; set by the process that has all parts.
    private var devices: [UInt64] = []
    private var nodes: [PathNode] = []
    /// The digests of the scan.
    let digests: DigestSet
    /// The reference time for ages.
    let now: FileTime

    /// Reads the part before the body.
    init(
        _ bytes: [UInt8], paths: PathInterner, digests: DigestSet, now: FileTime
    ) throws(BinaryFailure) {
        input = BinaryReader(bytes)
        (self.digests, self.now) = (digests, now)
        guard input.left >= PartialFormat.magic.count, try input.raw(PartialFormat.magic.count) == PartialFormat.magic
        else { throw BinaryFailure("is not a partial result of fsscan") }
        let version = try input.number(UInt32.self)
        guard version == PartialFormat.version else {
            throw BinaryFailure("has format \(version), and this program reads \(PartialFormat.version)")
        }
        let host = try input.string()
        var listed: [PartialDevices.Device] = []
        for _ in 0..<(try input.count(ofAtLeast: 16)) {
            let number = try input.number(UInt64.self)
            var paths: [[UInt8]] = []
            for _ in 0..<(try input.count(ofAtLeast: 8)) { paths.append(try input.string()) }
            listed.append(PartialDevices.Device(number: number, paths: paths))
        }
        parts = PartialDevices(host: host, devices: listed)
        let count = try input.count(ofAtLeast: 13)
        nodes.reserveCapacity(count)
        for _ in 0..<count {
            let isBelow = try input.bool()
            let above = try input.number(UInt32.self)
            let name = try input.string()
            if isBelow {
                guard above < nodes.count else { throw BinaryFailure("has a directory without a parent") }
                guard !name.isEmpty, !name.contains(0), !name.contains(UInt8(ascii: "/")) else {
                    throw BinaryFailure("has an impossible file name")
                }
                nodes.append(paths.node(name, in: nodes[Int(above)]))
            } else {
                guard let root = paths.root(Int(above)) else { throw BinaryFailure("has a PATH too many") }
                nodes.append(root)
            }
        }
    }

    mutating func call(devices: [UInt64]) {
        precondition(devices.count == parts.devices.count, "a device of a part has no name here")
        self.devices = devices
    }

    mutating func value<Value: PartialCodable>(_ type: Value.Type = Value.self) throws(BinaryFailure) -> Value {
        try Value(from: &self)
    }

    mutating func optional<Value: PartialCodable>(_ type: Value.Type = Value.self) throws(BinaryFailure) -> Value? {
        try input.bool() ? try Value(from: &self) : nil
    }

    mutating func list<Value: PartialCodable>(_ type: Value.Type = Value.self) throws(BinaryFailure) -> [Value] {
        var values: [Value] = []
        for _ in 0..<(try input.count(ofAtLeast: Value.leastBytes)) { values.append(try Value(from: &self)) }
        return values
    }

    mutating func string() throws(BinaryFailure) -> [UInt8]? { try input.bool() ? try input.string() : nil }

    mutating func text() throws(BinaryFailure) -> String { String(decoding: try input.string(), as: UTF8.self) }

    mutating func device() throws(BinaryFailure) -> UInt64 {
        let number = try input.number(UInt32.self)
        guard number < devices.count else { throw BinaryFailure("has an undeclared device") }
        return devices[Int(number)]
    }

    mutating func identity() throws(BinaryFailure) -> DeviceInode {
        let device = try device()
        return DeviceInode(device: device, inode: try input.number())
    }

    mutating func node() throws(BinaryFailure) -> PathNode {
        let number = try input.number(UInt32.self)
        guard number < nodes.count else { throw BinaryFailure("has an undeclared directory") }
        return nodes[Int(number)]
    }

    /// A count or a sum, which is never negative.
    mutating func amount() throws(BinaryFailure) -> Int64 {
        let amount = try input.number(Int64.self)
        guard amount >= 0 else { throw BinaryFailure("has a negative count") }
        return amount
    }

    mutating func row() throws(BinaryFailure) -> [UInt8]? {
        guard let row = try string() else { return nil }
        guard row.count == digests.rowBytes else { throw BinaryFailure("has digests of other algorithms") }
        return row
    }
}

/// One node for each directory, whichever part refers to it, so that paths of several parts compare as those of one
/// scan.
///
/// A class, because the parts share it; used by one thread.
final class PathInterner {
    private struct Key: Hashable {
        let parent: ObjectIdentifier
        let name: [UInt8]
    }

    private let roots: [PathNode]
    private var nodes: [Key: PathNode] = [:]

    init(_ paths: [[UInt8]]) { roots = paths.enumerated().map { .root($1, index: $0) } }

    func root(_ index: Int) -> PathNode? { roots.indices.contains(index) ? roots[index] : nil }

    func node(_ name: [UInt8], in parent: PathNode) -> PathNode {
        let key = Key(parent: parent.identifier, name: name)
        if let known = nodes[key] { return known }
        let node = name.withUnsafeBytes {
            PathNode.child($0, of: parent, parentIdentity: DeviceInode(device: 0, inode: 0))
        }
        nodes[key] = node
        return node
    }

    func node(_ names: [[UInt8]], below root: Int) -> PathNode? {
        guard var node = self.root(root) else { return nil }
        for name in names { node = self.node(name, in: node) }
        return node
    }
}

extension FileTime: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.out.put(seconds)
        encoder.out.put(nanoseconds)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        let seconds = try decoder.input.number(Int64.self)
        self.init(seconds: seconds, nanoseconds: try decoder.input.number())
        guard (0..<1_000_000_000).contains(nanoseconds) else { throw BinaryFailure("has an impossible time") }
    }
}

extension EntryPath: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.put(directory)
        encoder.put(string: name)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        directory = try decoder.node()
        name = try decoder.string()
    }
}
