package import LinuxKernel

/// A destination of a scan's entries: records (`RecordOutput`), a saved scan, a comparison.
package protocol EntryOutput: AnyObject, Sendable {
    /// For one worker, which calls `flush()` after its last entry.
    func makeStream() -> any EntryStream
    /// Once true, always true: the scan ends as soon as it can, because its entries are no longer wanted.
    var failed: Bool { get }
    /// Whether it wants the Merkle values of directories (`EntryContent.state`).
    var wantsState: Bool { get }
    /// Whether it is read while the scan runs, so that an aborted scan has to say so.
    var isReadMeanwhile: Bool { get }
    /// Whether streams can be flushed at this moment without waiting for another thread.
    var canBeFlushed: Bool { get }
    /// Whether a stream sorts its entries when it is flushed, so that it pays to flush several at the same time.
    var sortsAtFlush: Bool { get }
}

extension EntryOutput {
    /// An output that is useless before its scan is complete.
    package var isReadMeanwhile: Bool { false }
    package var sortsAtFlush: Bool { false }
    package var canBeFlushed: Bool { false }
}

/// One worker's connection to an `EntryOutput`. Not for two threads at a time.
package protocol EntryStream: AnyObject {
    /// An entry that was stat'ed. A directory comes after everything below it.
    ///
    /// - Parameters:
    ///   - root: index of its PATH.
    ///   - path: as `find PATH` prints it.
    func entry(
        root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent)

    /// An entry that could not be stat'ed, with the kind that readdir gave; its error is reported separately.
    func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind)

    func error(root: Int, _ error: ScanError)

    /// A name that a pattern excludes: it was listed, but not stat'ed.
    func excluded(root: Int, path: UnsafeRawBufferPointer)

    /// Hands over everything buffered.
    func flush()
}

extension EntryStream {
    /// Most outputs cannot express it.
    package func excluded(root: Int, path: UnsafeRawBufferPointer) {}
}

/// An output of one process that also writes what others have passed on.
package protocol MergingOutput: EntryOutput {
    func makeMergingStream() -> any MergingStream
}

package protocol MergingStream: EntryStream {
    /// - Parameter piece: from the same output of another process, as it was passed on.
    /// - Returns: false if it cannot be.
    func take(_ piece: UnsafeRawBufferPointer) -> Bool
}
