extension ScanWorker {
    /// Writes the record of an entry that is no directory, or of a directory that is complete.
    ///
    /// - Parameter name: nil for `node` itself.
    func record(
        _ name: UnsafeRawBufferPointer?, in node: PathNode, _ kind: EntryKind, _ status: FileStatus,
        _ answer: ContentAnswer
    ) {
        guard let records else { return }
        let content = RecordContent(
            target: answer.target, digests: answer.row, mime: answer.type, isChanged: answer.hasChanged)
        let root = node.root
        path.with(name, in: node) { path in
            records.entry(root: root, path: path, kind: kind, status: status, content: content)
        }
    }

    func record(
        _ path: EntryPath, _ kind: EntryKind, _ status: FileStatus, _ answer: ContentAnswer
    ) {
        guard let name = path.name else { return record(nil, in: path.directory, kind, status, answer) }
        name.withUnsafeBytes { record($0, in: path.directory, kind, status, answer) }
    }

    /// Writes the record of a name that could not be stat'ed.
    ///
    /// - Parameter name: nil for `node` itself.
    func recordUnknown(_ name: UnsafeRawBufferPointer?, in node: PathNode, _ kind: EntryKind) {
        guard let records else { return }
        let root = node.root
        path.with(name, in: node) { records.unknownEntry(root: root, path: $0, kind: kind) }
    }

    /// Tells of a name that a pattern leaves out: nothing was found out about it.
    func recordExcluded(_ name: UnsafeRawBufferPointer, in node: PathNode) {
        guard let records else { return }
        let root = node.root
        path.with(name, in: node) { records.excluded(root: root, path: $0) }
    }
}
