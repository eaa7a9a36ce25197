import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine

/// Encodes entries as the bytes that evidence is computed from.
struct EvidenceEncoder: ~Copyable {
    /// The last entry.
    var buffer = ByteBuffer(capacity: 1024)
    private let contentStates: ContentStates

    /// The number of a field. Numbers never change; new fields come last.
    private enum Tag: UInt8 {
        case end = 0
        case kind, size, diskBytes, mode, uid, gid, links, device, inode, mtime, ctime, btime, flags, specialDevice
        case xattrs, state, target, mime, digest
    }

    /// The algorithms in the order of their names: the index among all cases, and the name, counted.
    private let algorithms: [(index: Int, name: [UInt8])]

    init(_ options: ScanOptions) {
        contentStates = ContentStates(options)
        algorithms = DigestAlgorithm.allCases.enumerated().map { index, algorithm in
            let name = Array(algorithm.rawValue.utf8)
            return (index, withUnsafeBytes(of: UInt64(name.count).littleEndian) { Array($0) } + name)
        }
        .sorted { $0.name[8...].lexicographicallyPrecedes($1.name[8...]) }
    }

    mutating func encode(_ entry: PackedEntry) {
        append(entry.values)
        if let xattrs = entry.xattrs { append(xattrs: xattrs) }
        append(contentStates.state(of: entry))
        append(.target, entry.target)
        append(.mime, entry.mime)
        if !entry.digests.isEmpty { append(digests: entry) }
        buffer.append(Tag.end.rawValue)
    }

    private mutating func append(_ values: EntryValues) {
        buffer.appendUnchecked(atMost: Self.numbersSize) { start in
            var end = start
            func put(_ number: UInt64) {
                end.storeBytes(of: number.littleEndian, as: UInt64.self)
                end += 8
            }
            func put(_ tag: Tag, _ field: EntryField) {
                if values.bits & field.bit == 0 { return }
                end.storeBytes(of: tag.rawValue, as: UInt8.self)
                end += 1
                put(values.words[field.index])
            }
            func put(_ tag: Tag, time field: EntryField) {
                if values.bits & field.bit == 0 { return }
                put(tag, field)
                put(UInt64(values.nanoseconds[field.index - EntryField.mtime.index]))
            }
            put(.kind, .kind)
            put(.size, .size)
            put(.diskBytes, .diskBytes)
            put(.mode, .mode)
            put(.uid, .uid)
            put(.gid, .gid)
            put(.links, .links)
            put(.device, .device)
            put(.inode, .inode)
            put(.mtime, time: .mtime)
            put(.ctime, time: .ctime)
            put(.btime, time: .btime)
            put(.flags, .flags)
            put(.specialDevice, .specialDevice)
            return end - start
        }
    }

    /// Fourteen tags with a number, and the nanoseconds of three times.
    private static let numbersSize = 14 * 9 + 3 * 8

    // MARK: Fields of variable length; unknown ones are left out

    private mutating func append(_ tag: Tag, _ bytes: UnsafeRawBufferPointer?) {
        guard let bytes else { return }
        buffer.append(tag.rawValue)
        buffer.append(counted: bytes)
    }

    private mutating func append(_ state: ContentState?) {
        guard let state else { return }
        buffer.append(Tag.state.rawValue)
        buffer.append(number: UInt64(state.rawValue))
    }

    private mutating func append(digests entry: PackedEntry) {
        for (index, name) in algorithms {
            entry.forEachDigest { if $0 == index { append(name, digest: $1) } }
        }
    }

    private mutating func append(_ name: [UInt8], digest: UnsafeRawBufferPointer) {
        buffer.append(Tag.digest.rawValue)
        buffer.append(name)
        buffer.append(counted: digest)
    }

    private mutating func append(xattrs packed: UnsafeRawBufferPointer) {
        var parts: UInt64 = 0
        PackedEntry.forEachPart(of: packed) { _ in parts += 1 }
        buffer.append(Tag.xattrs.rawValue)
        buffer.append(number: parts / 2)
        PackedEntry.forEachPart(of: packed) { buffer.append(counted: $0) }
    }
}

extension ByteBuffer {
    /// The options that decide what is read. An option that is off or empty is left out, so that a new option does not
    /// change the evidence of scans without it.
    mutating func appendOptions(_ options: ScanOptions) {
        var list: [(name: String, value: [UInt8])] = []
        func add(_ name: String, _ value: [UInt8]) { if !value.isEmpty { list.append((name, value)) } }
        func add(_ name: String, _ isOn: Bool) { if isOn { add(name, Self.littleEndian(1)) } }
        func add(_ name: String, _ items: [[UInt8]]) {
            add(name, items.flatMap { Self.littleEndian(UInt64($0.count)) + $0 })
        }
        add("exclude", options.exclude)
        add("exclude_caches", options.excludeCaches)
        add("exclude_kernfs", options.excludeKernfs)
        add("follow_roots", options.followRoots)
        add("gitignore", options.gitignore)
        add("hash", options.hash.map { Array($0.rawValue.utf8) })
        // The largest number means no limit.
        if options.maxHoles != .max { add("max_holes", Self.littleEndian(UInt64(options.maxHoles))) }
        add("max_read", Self.littleEndian(UInt64(options.maxRead)))
        add("mime", options.mime)
        add("one_file_system", options.oneFileSystem)
        add("read_pseudo", options.readPseudo)
        // A scan with a selection is never saved, but an attacker who writes one into a file changes what is compared.
        if !options.selection.isEmpty {
            var writer = JSONWriter(layout: .compact)
            writer.object(selection: options.selection)
            add("select", Array(writer.buffer.bytes))
        }
        add("xattrs", options.xattrs)
        list.sort { $0.name < $1.name }
        append(number: UInt64(list.count))
        for (name, value) in list {
            append(counted: Array(name.utf8))
            append(counted: value)
        }
    }

    private static func littleEndian(_ number: UInt64) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
