// The last step of formats in which directories contain their entries. Records come sorted, so the contents of a
// directory come right after it. Only the path of the open directory is kept, whatever the size of the tree, and
// nothing recurses on depth.

import Bytes
import Entries
import ExternalSort

/// The beginning of an entry that `RecordEncoder` hands to the sorter for these formats; the text of the format
/// follows.
struct RecordTreeItem {
    /// In the required order of records of one path: if a hostile file system lists a name twice, the directory comes
    /// last, right before its contents.
    enum Tag: UInt8 {
        case excluded, other, directory, error
    }

    var tag: Tag
    /// Of the file system, for ncdu; 0 if it is not known.
    var device: UInt64

    init(_ tag: Tag, device: UInt64 = 0) {
        self.tag = tag
        self.device = device
    }

    static let size = 9
}

extension RecordEncoder {
    mutating func append(_ item: RecordTreeItem) {
        buffer.append(item.tag.rawValue)
        withUnsafeBytes(of: item.device) { buffer.append($0) }
    }
}

/// The layout of such a format: the encoder provides the text of an entry; its name and the ends of directories come
/// from here.
struct RecordTreeText: Sendable {
    /// For the PATH, whose name is all of it.
    let root: @Sendable (inout ByteBuffer, RecordTreeLine) -> Void
    let item: @Sendable (inout ByteBuffer, RecordTreeLine) -> Void
    /// After the contents of a directory.
    let end: StaticString
    /// Whether to write a path with nothing but an error.
    var tellsErrors = false
}

/// An entry of a tree.
struct RecordTreeLine {
    var name: ArraySlice<UInt8>
    var item: RecordTreeItem
    /// As the encoder wrote it.
    var text: [UInt8]
    /// An error follows it.
    var hasError: Bool
    /// The device of the directory that contains it.
    var directoryDevice: UInt64 = 0
    /// A directory that is not entered, because it is on another device than the PATH.
    var isElsewhere = false
}

/// Writes sorted records of one PATH as a tree.
struct RecordTreeWriter: ~Copyable {
    var buffer: ByteBuffer
    private let format: RecordTreeText
    /// `-x`: a directory on another device than the PATH's is excluded.
    private let oneFileSystem: Bool
    /// Not all directories have a record: one that contains some is written without attributes.
    private let isSelection: Bool
    private let rootPath: [UInt8]
    /// Path of the innermost open directory, as in keys: NUL for each slash.
    private var path: [UInt8] = []
    /// For each open directory, the length of its path and its device. Empty before the first record.
    private var open: [(length: Int, device: UInt64)] = []

    /// The record that is held back until it is known whether an error follows.
    private var pending: (item: RecordTreeItem, path: [UInt8], text: [UInt8])?
    private var pendingHasError = false

    init(_ format: RecordTreeText, _ options: ScanOptions) {
        buffer = ByteBuffer(capacity: RecordOutput.pieceSize + 4096)
        self.format = format
        oneFileSystem = options.oneFileSystem
        isSelection = !options.selection.isEmpty
        rootPath = options.paths.first ?? []
    }

    /// Takes the next record.
    mutating func append(_ record: SortRecord) {
        let line = record.line
        guard let tag = line.first.flatMap(RecordTreeItem.Tag.init) else {
            preconditionFailure("a record of a tree begins with its tag")
        }
        // The key begins with the index of the PATH; there is only one.
        let key = UnsafeRawBufferPointer(rebasing: record.key[4...])
        if tag == .error, let pending, pending.path.elementsEqual(key) {
            pendingHasError = true
            return
        }
        writePending()
        let item = RecordTreeItem(tag, device: line.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
        pending = (item, Array(key), Array(line[RecordTreeItem.size...]))
        pendingHasError = tag == .error
    }

    /// Call it once, after the last record.
    mutating func finish() {
        writePending()
        if open.isEmpty, format.tellsErrors { openRoot(RecordTreeItem(.directory), hasError: !isSelection, text: []) }
        while !open.isEmpty { close() }
    }

    // MARK: Items

    private mutating func writePending() {
        guard let (item, key, text) = pending else { return }
        pending = nil
        if open.isEmpty {
            guard isSelection, !isPath(key) else { return writeFirst(item, key, text) }
            if item.tag == .error { return }
            openRoot(RecordTreeItem(.directory), hasError: false, text: [])
        }
        if item.tag == .error, !format.tellsErrors || isSelection { return }
        // Leaves directories that do not contain it, and enters those without a record of their own; an unchanged tree
        // has none.
        while open.count > 1, !isInside(key) { close() }
        var start = nameStart
        guard start < key.count else { return }
        while let end = key[start...].firstIndex(of: 0) {
            let device = open[open.count - 1].device
            write(name: key[start..<end], RecordTreeItem(.directory, device: device), [], hasError: !isSelection)
            enter(Array(key[..<end]), device)
            start = end + 1
        }
        write(name: key[start...], item, text, hasError: pendingHasError)
        if item.tag == .directory { enter(key, item.device) }
    }

    /// The PATH itself; if it is not a directory, it is written inside one without attributes.
    private mutating func writeFirst(_ item: RecordTreeItem, _ key: [UInt8], _ text: [UInt8]) {
        if item.tag == .directory { return openRoot(item, hasError: pendingHasError, text: text) }
        if item.tag == .error { return }
        openRoot(RecordTreeItem(.directory, device: item.device), hasError: false, text: [])
        let name = rootPath.split(separator: UInt8(ascii: "/")).last ?? []
        write(name: name, item, text, hasError: pendingHasError)
    }

    /// Whether it is the key of the PATH itself.
    private func isPath(_ key: [UInt8]) -> Bool {
        key.elementsEqual(rootPath.lazy.map { $0 == UInt8(ascii: "/") ? 0 : $0 })
    }

    private mutating func openRoot(_ item: RecordTreeItem, hasError: Bool, text: [UInt8]) {
        path = rootPath.map { $0 == UInt8(ascii: "/") ? 0 : $0 }
        format.root(
            &buffer, RecordTreeLine(name: rootPath[...], item: item, text: text, hasError: hasError))
        open = [(path.count, item.device)]
    }

    private mutating func write(name: ArraySlice<UInt8>, _ item: RecordTreeItem, _ text: [UInt8], hasError: Bool) {
        let device = item.device
        let isElsewhere =
            item.tag == .directory && oneFileSystem && device != 0 && open[0].device != 0
            && device != open[0].device
        format.item(
            &buffer,
            RecordTreeLine(
                name: name, item: item, text: text, hasError: hasError,
                directoryDevice: open[open.count - 1].device, isElsewhere: isElsewhere))
    }

    // MARK: Directories

    /// Where the name of an entry of the open directory starts in a key.
    private var nameStart: Int {
        guard let last = path.last else { return 0 }
        // A PATH that ends in a slash gets no second one.
        return last == 0 ? path.count : path.count + 1
    }

    private func isInside(_ key: [UInt8]) -> Bool {
        guard key.count > nameStart, key.starts(with: path) else { return false }
        return key[nameStart - 1] == 0
    }

    private mutating func enter(_ key: [UInt8], _ device: UInt64) {
        path = key
        open.append((key.count, device))
    }

    private mutating func close() {
        open.removeLast()
        buffer.append(format.end)
        if let length = open.last?.length { path.removeSubrange(length...) }
    }
}
