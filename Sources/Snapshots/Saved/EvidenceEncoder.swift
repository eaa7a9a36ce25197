import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// What an entry says, as the bytes that its evidence is computed from.
struct EvidenceEncoder: ~Copyable {
    /// What was encoded last, until it is drained.
    var buffer = ByteBuffer(capacity: 1024)
    private let contentStates: ContentStates

    /// What a field is. The numbers stay what they are for ever; new fields come behind.
    private enum Tag: UInt8 {
        case end = 0
        case kind, size, diskBytes, mode, uid, gid, links, device, inode, mtime, ctime, btime, flags, specialDevice
        case xattrs, state, target, mime, digest
    }

    /// In the order of their names.
    private static let algorithms = DigestAlgorithm.allCases.sorted { $0.rawValue < $1.rawValue }

    init(_ options: ScanOptions) {
        contentStates = ContentStates(options)
    }

    mutating func encode(_ entry: SnapshotEntry) {
        append(.kind, entry.kind?.rawValue)
        append(.size, entry.size)
        append(.diskBytes, entry.diskBytes)
        append(.mode, entry.mode)
        append(.uid, entry.uid)
        append(.gid, entry.gid)
        append(.links, entry.links)
        append(.device, entry.device)
        append(.inode, entry.inode)
        append(.mtime, entry.mtime)
        append(.ctime, entry.ctime)
        append(.btime, entry.btime)
        append(.flags, entry.flags?.rawValue)
        append(.specialDevice, entry.specialDevice)
        append(entry.xattrs)
        append(.state, contentStates.state(of: entry)?.rawValue)
        append(.target, entry.target)
        append(.mime, entry.mime.map { Array($0.utf8) })
        if !entry.digests.isEmpty {
            for algorithm in Self.algorithms {
                guard let digest = entry.digests[algorithm] else { continue }
                buffer.append(Tag.digest.rawValue)
                buffer.append(counted: Array(algorithm.rawValue.utf8))
                buffer.append(counted: digest)
            }
        }
        buffer.append(Tag.end.rawValue)
    }

    // MARK: Fields: those that are not known are left out

    private mutating func append(_ tag: Tag, _ number: (some FixedWidthInteger)?) {
        guard let number else { return }
        buffer.append(tag.rawValue)
        buffer.append(number: UInt64(truncatingIfNeeded: number))
    }

    private mutating func append(_ tag: Tag, _ time: FileTime?) {
        guard let time else { return }
        append(tag, time.seconds)
        buffer.append(number: UInt64(bitPattern: time.nanoseconds))
    }

    private mutating func append(_ tag: Tag, _ bytes: [UInt8]?) {
        guard let bytes else { return }
        buffer.append(tag.rawValue)
        buffer.append(counted: bytes)
    }

    private mutating func append(_ attributes: [ExtendedAttribute]?) {
        guard let attributes else { return }
        append(.xattrs, attributes.count)
        for attribute in attributes {
            buffer.append(counted: attribute.name)
            buffer.append(counted: attribute.value)
        }
    }
}

extension ByteBuffer {
    mutating func append(number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { append($0) }
    }

    mutating func append(counted bytes: [UInt8]) { append(counted: bytes[...]) }

    mutating func append(counted bytes: ArraySlice<UInt8>) {
        append(number: UInt64(bytes.count))
        bytes.withUnsafeBytes { append($0) }
    }

    /// The options that decide what is read. One that is off, or empty, is left out: an option that comes later changes
    /// no evidence of a scan without it.
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
        // As many as there are: no limit.
        if options.maxHoles != .max { add("max_holes", Self.littleEndian(UInt64(options.maxHoles))) }
        add("max_read", Self.littleEndian(UInt64(options.maxRead)))
        add("mime", options.mime)
        add("one_file_system", options.oneFileSystem)
        add("read_pseudo", options.readPseudo)
        // No scan with one is saved: whoever writes one into a file changes what is compared.
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
