package import LinuxKernel

/// Who gets the entries of a scan: records (`RecordOutput`), a saved scan, a comparison.
package protocol EntryOutput: AnyObject, Sendable {
    /// For one worker, which calls `flush()` after its last entry.
    func makeStream() -> any EntryStream
    /// Once true, always true: the scan ends as soon as it can, as nobody gets its entries.
    var failed: Bool { get }
    /// Whether it wants the Merkle values of directories (`EntryContent.state`).
    var wantsState: Bool { get }
    /// Whether somebody reads it while the scan runs, so that a scan that breaks off has to say so.
    var isReadMeanwhile: Bool { get }
    /// Whether streams can be flushed at this moment without waiting for another thread.
    var canBeFlushed: Bool { get }
}

extension EntryOutput {
    /// What is of no use before its scan is complete.
    package var isReadMeanwhile: Bool { false }
    package var canBeFlushed: Bool { false }
}

/// One worker's way into an `EntryOutput`. Not for two threads at a time.
package protocol EntryStream: AnyObject {
    /// An entry that was stat'ed. A directory comes when everything below it has come.
    ///
    /// - Parameters:
    ///   - root: index of its PATH.
    ///   - path: as `find PATH` prints it.
    func entry(
        root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent)

    /// An entry that could not be stat'ed, of the kind that readdir gave; its error comes by itself.
    func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind)

    func error(root: Int, _ error: ScanError)

    /// A name that a pattern leaves out: it was listed, and nothing else is known of it.
    func excluded(root: Int, path: UnsafeRawBufferPointer)

    /// Hands everything over.
    func flush()
}

extension EntryStream {
    /// Most outputs have no word for it.
    package func excluded(root: Int, path: UnsafeRawBufferPointer) {}
}
