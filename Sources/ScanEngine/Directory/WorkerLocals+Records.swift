import Entries
import LinuxKernel

extension WorkerLocals {
    /// Passes an entry to the outputs: one that is not a directory, or a complete directory. A file whose digests were
    /// requested goes to the map here.
    ///
    /// - Parameters:
    ///   - name: nil for `node` itself.
    ///   - tree: of a directory: the states of its entries, if all are known.
    /// - Returns: its state; nil if that is not known or not requested.
    @discardableResult
    func record(
        _ name: UnsafeRawBufferPointer?, in node: PathNode, _ kind: EntryKind, _ status: FileStatus,
        _ answer: EntryContent, tree: consuming TreeDigest? = nil
    ) -> [UInt8]? {
        if mapHasDigests, kind == .file {
            putOnMap(
                status, in: node, EntryPath(directory: node, name: name.map { Array($0) }), digests: answer.digests)
        }
        if streams.isEmpty { return nil }
        let state = context.stateMethods == nil ? nil : entryFingerprint!.value(of: kind, status, answer, tree: tree)
        if kind == .directory, let state {
            var content = answer
            content.state = state
            write(name, in: node, kind, status, content)
        } else {
            write(name, in: node, kind, status, answer)
        }
        return state
    }

    private func write(
        _ name: UnsafeRawBufferPointer?, in node: PathNode, _ kind: EntryKind, _ status: FileStatus,
        _ content: EntryContent
    ) {
        let root = node.root
        path.with(name, in: node) { path in
            for stream in streams { stream.entry(root: root, path: path, kind: kind, status: status, content: content) }
        }
    }

    func record(
        _ path: EntryPath, _ kind: EntryKind, _ status: FileStatus, _ answer: EntryContent
    ) -> [UInt8]? {
        guard let name = path.name else { return record(nil, in: path.directory, kind, status, answer) }
        return name.withUnsafeBytes { record($0, in: path.directory, kind, status, answer) }
    }

    /// Passes a name that could not be stat'ed to the outputs.
    ///
    /// - Parameter name: nil for `node` itself.
    func recordUnknown(_ name: UnsafeRawBufferPointer?, in node: PathNode, _ kind: EntryKind) {
        // An entry without a status is not selected.
        if streams.isEmpty || selector != nil { return }
        let root = node.root
        path.with(name, in: node) { path in
            for stream in streams { stream.unknownEntry(root: root, path: path, kind: kind) }
        }
    }

    /// Passes a name that a pattern excludes to the outputs: it was not stat'ed.
    func recordExcluded(_ name: UnsafeRawBufferPointer, in node: PathNode) {
        directories?.count(.excluded, node)
        if streams.isEmpty || selector != nil { return }
        let root = node.root
        path.with(name, in: node) { path in
            for stream in streams { stream.excluded(root: root, path: path) }
        }
    }
}
