// The output of `ncdu -o` and `fsscan --format ncdu`: JSON in which a directory is an array that begins with its own
// object.
//
//   [1,2,{"progname":"ncdu",…},[{"name":"/srv",…},{"name":"a","asize":5,…},[{"name":"d",…},{"name":"b",…}]]]
//
// Read as a stream: a tree of any depth and size needs memory only for the current path. Names are bytes, which need
// not be UTF-8, so a strict JSON parser cannot read it.

import CLinux
import Entries
import Glibc
import LinuxKernel
import ScanEngine

extension SnapshotFormat {
    /// For browsing only: it is not in path order, so it cannot be compared entry by entry.
    package static let ncdu = SnapshotFormat(
        name: "ncdu",
        recognises: { beginning in
            let start = beginning.prefix(64).filter { $0 > 0x20 }
            return start.starts(with: Array("[1,".utf8))
        },
        open: { (input) throws(SnapshotFailure) in try NcduSource(input) })
}

/// Returns the entries of an ncdu file, a directory before its contents.
private final class NcduSource: SnapshotSource {
    private(set) var description: SnapshotDescription
    private let path: [UInt8]
    private var bytes: ByteReader
    /// The key and the device of each open directory.
    private var directories: [(key: EntryKey, device: UInt64)] = []
    /// The root, which was read for its name.
    private var first: SnapshotEntry?
    private var isAtEnd = false

    init(_ input: SnapshotInput) throws(SnapshotFailure) {
        path = input.path
        bytes = try ByteReader(input)
        description = SnapshotDescription(
            format: SnapshotFormat.ncdu.name, roots: [], fields: [.kind, .size, .diskBytes, .mtime], algorithms: [])
        // [1, the minor version, the program that wrote it, the root
        try expect("[")
        guard try number() == 1 else { throw failure("has an unknown version") }
        try expect(",")
        _ = try number()
        try expect(",")
        try expect("{")
        _ = try object()
        try expect(",")
        try expect("[")
        try expect("{")
        let root = try object()
        description.roots = [root.name]
        let key = EntryKey(root: 0, path: [])
        directories = [(key, root.device ?? 0)]
        first = entry(root, key, isDirectory: true, device: root.device ?? 0)
    }

    func skip(_ subtree: EntryKey) throws(SnapshotFailure) {
        preconditionFailure("a file that is not in the order of paths cannot skip a subtree")
    }

    func next() throws(SnapshotFailure) -> SnapshotEntry? {
        if let first {
            self.first = nil
            return first
        }
        var isDirectory = false
        while !isAtEnd {
            switch try token() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "[") where !isDirectory: isDirectory = true
            case UInt8(ascii: "]") where !isDirectory:
                directories.removeLast()
                guard directories.isEmpty else { continue }
                try expect("]")
                isAtEnd = true
            case UInt8(ascii: "{"):
                let object = try object()
                guard let above = directories.last else { throw failure("an entry outside any directory") }
                if object.isExcluded, !isDirectory { continue }
                guard !object.name.isEmpty, !object.name.contains(UInt8(ascii: "/")), !object.name.contains(0) else {
                    throw failure("an invalid name")
                }
                let key = EntryKey(bytes: above.key.bytes + (above.key.isRoot ? [] : [0]) + object.name)
                let device = object.device ?? above.device
                if isDirectory { directories.append((key, device)) }
                return entry(object, key, isDirectory: isDirectory, device: device)
            case let byte: throw failure("an unexpected byte \(byte)")
            }
        }
        return nil
    }

    private func entry(_ object: NcduObject, _ key: EntryKey, isDirectory: Bool, device: UInt64) -> SnapshotEntry {
        let kind = object.mode.flatMap { EntryKind(mode: $0) } ?? (object.isNotRegular ? .symlink : .file)
        // An array is a directory, whatever its mode.
        var entry = SnapshotEntry(key: key, kind: isDirectory ? .directory : kind == .directory ? .file : kind)
        entry.size = object.apparentBytes
        entry.diskBytes = object.diskBytes
        entry.mtime = object.modified.map { FileTime(seconds: $0, nanoseconds: 0) }
        entry.device = device
        entry.inode = object.inode
        entry.links = object.isLinked ? max(2, object.links ?? 2) : 1
        if object.hasError {
            entry.errors = [SnapshotEntryError(operation: "read", code: "", message: "could not be read")]
        }
        return entry
    }

    // MARK: Tokens

    private func failure(_ message: String) -> SnapshotFailure {
        SnapshotFailure(path: path, "byte \(bytes.position): \(message)")
    }

    private func token() throws(SnapshotFailure) -> UInt8 {
        guard let byte = try bytes.peekBehindSpace() else { throw failure("ends too early: it is truncated") }
        bytes.pass()
        return byte
    }

    private func expect(_ character: Unicode.Scalar) throws(SnapshotFailure) {
        guard try token() == UInt8(ascii: character) else { throw failure("expected \(character)") }
    }

    /// Digits; a fraction and an exponent are ignored. Larger values saturate.
    private func number() throws(SnapshotFailure) -> Int64 {
        var value = Int64(0)
        var isNegative = false
        var isWhole = true
        var length = 0
        while let byte = try length == 0 ? bytes.peekBehindSpace() : bytes.peek() {
            switch byte {
            case UInt8(ascii: "-"): isNegative = isNegative || length == 0
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isWhole = false
            case UInt8(ascii: "+"): break
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if isWhole {
                    let (ten, first) = value.multipliedReportingOverflow(by: 10)
                    let (sum, second) = ten.addingReportingOverflow(Int64(byte - 0x30))
                    value = first || second ? .max : sum
                }
            default:
                if length == 0 { throw failure("expected a number") }
                return isNegative ? -value : value
            }
            bytes.pass()
            length += 1
        }
        throw failure("ends too early: it is truncated")
    }

    /// After its opening brace.
    private func object() throws(SnapshotFailure) -> NcduObject {
        var object = NcduObject()
        while true {
            switch try token() {
            case UInt8(ascii: "}"): return object
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "\""): break
            default: throw failure("expected a key")
            }
            let key = String(decoding: try string(), as: UTF8.self)
            try expect(":")
            try read(key, into: &object)
        }
    }

    private func read(_ key: String, into object: inout NcduObject) throws(SnapshotFailure) {
        guard let start = try bytes.peekBehindSpace() else { throw failure("ends too early: it is truncated") }
        switch start {
        case UInt8(ascii: "\""):
            bytes.pass()
            let text = try string()
            if key == "name" { object.name = text }
            if key == "excluded" { object.isExcluded = true }
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let value = try number()
            switch key {
            case "asize": object.apparentBytes = max(0, value)
            case "dsize": object.diskBytes = max(0, value)
            case "dev": object.device = UInt64(bitPattern: value)
            case "ino": object.inode = UInt64(bitPattern: value)
            case "nlink":
                object.links = UInt64(max(0, value))
                if value > 1 { object.isLinked = true }
            case "mtime": object.modified = value
            case "mode": object.mode = UInt32(clamping: value)
            default: break
            }
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
            let isTrue = start == UInt8(ascii: "t")
            while let byte = try bytes.peek(), (0x61...0x7A).contains(byte) { bytes.pass() }
            if isTrue {
                switch key {
                case "hlnkc": object.isLinked = true
                case "read_error": object.hasError = true
                case "notreg": object.isNotRegular = true
                default: break
                }
            }
        default: throw failure("a value that ncdu does not write")
        }
    }

    /// After its opening quotation mark.
    private func string() throws(SnapshotFailure) -> [UInt8] {
        var text: [UInt8] = []
        while let byte = try bytes.peek() {
            bytes.pass()
            switch byte {
            case UInt8(ascii: "\""): return text
            case UInt8(ascii: "\\"): try escape(into: &text)
            default: text.append(byte)
            }
            if text.count > Self.longestName { throw failure("a name that is too long") }
        }
        throw failure("ends too early: it is truncated")
    }

    private static let longestName = 1 << 20

    private func escape(into text: inout [UInt8]) throws(SnapshotFailure) {
        guard let byte = try bytes.peek() else { throw failure("ends too early: it is truncated") }
        bytes.pass()
        switch byte {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "u"):
            var value = UInt32(0)
            for _ in 0..<4 {
                guard let digit = try bytes.peek().flatMap({ Character(UnicodeScalar($0)).hexDigitValue }) else {
                    throw failure("expected four digits after \\u")
                }
                bytes.pass()
                value = value << 4 | UInt32(digit)
            }
            // Lone surrogates are not characters. ncdu writes none: beyond ASCII it writes bytes.
            text += Array(String(UnicodeScalar(value) ?? "\u{FFFD}").utf8)
        default: text.append(byte)
        }
    }
}

/// The contents of one object.
private struct NcduObject {
    var name: [UInt8] = []
    var apparentBytes = Int64(0)
    var diskBytes = Int64(0)
    var device: UInt64?
    var inode: UInt64?
    var links: UInt64?
    var modified: Int64?
    var mode: UInt32?
    var isLinked = false
    var hasError = false
    var isNotRegular = false
    var isExcluded = false
}

/// The bytes of a file, one by one. Owns its descriptor.
private struct ByteReader: ~Copyable {
    private let path: [UInt8]
    private let file: FileDescriptor
    private let buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var passed = 0

    init(_ input: SnapshotInput) throws(SnapshotFailure) {
        path = input.path
        let copy = fcntl(input.descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw SnapshotFailure(path: input.path, String(cString: strerror(errno))) }
        file = FileDescriptor(owning: copy)
        buffer = .allocate(byteCount: max(1 << 16, input.beginning.count), alignment: 16)
        if !input.isSeekable {
            buffer.copyBytes(from: input.beginning)
            end = input.beginning.count
        }
    }

    deinit { buffer.deallocate() }

    /// The offset of the next byte, from 0.
    var position: Int { passed + start }

    /// The next byte; nil at the end.
    mutating func peek() throws(SnapshotFailure) -> UInt8? {
        if start == end {
            passed += end
            (start, end) = (0, 0)
            do throws(Errno) {
                let (address, room) = (buffer.baseAddress!, UInt(buffer.count))
                end = Int(try Kernel.check { clinux_read(file.number, address, room) })
            } catch {
                throw SnapshotFailure(path: path, error.message)
            }
            if end == 0 { return nil }
        }
        return buffer[start]
    }

    mutating func peekBehindSpace() throws(SnapshotFailure) -> UInt8? {
        while let byte = try peek() {
            if byte > 0x20 { return byte }
            pass()
        }
        return nil
    }

    mutating func pass() { start += 1 }
}
