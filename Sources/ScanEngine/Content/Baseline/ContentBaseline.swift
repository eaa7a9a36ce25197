/// What a saved scan knows about the content of files, for a scan that takes it over where a file looks unchanged.
///
/// Looks unchanged: device, inode, size, mtime and ctime are what they were. A write changes ctime, which nobody can set
/// but by setting the clock (or by writing to the disk below the file system): so this is fast, and not proof against
/// whoever is root.
///
/// `@unchecked Sendable`: nothing changes after `init`.
package final class ContentBaseline: @unchecked Sendable {
    private let table: ContentTable
    private let wantsTypes: Bool

    /// - Parameters:
    ///   - table: with the digests that the new scan is to find out.
    ///   - mime: it is to find out MIME types, too.
    package init(_ table: consuming ContentTable, mime: Bool) {
        self.table = table
        wantsTypes = mime
    }

    /// The algorithms that are wanted and were not saved: with any of these, every file is read.
    package static func missing(_ wanted: DigestSet, in saved: DigestSet) -> [DigestAlgorithm] {
        wanted.algorithms.filter { !saved.algorithms.contains($0) }
    }

    /// What is known of an entry.
    package struct Known {
        /// A row of the digests that are wanted: valid as long as the baseline.
        package var row: UnsafeRawBufferPointer
        /// Of a regular file, if types are wanted.
        package var type: String?
    }

    /// What is known of a regular file, or of a symlink, that looks as it did when the saved scan read it.
    ///
    /// - Parameter cursor: starts as -1; one for each user.
    /// - Returns: nil where it is to be read.
    package func known(_ status: borrowing FileStatus, _ kind: EntryKind, _ cursor: inout Int) -> Known? {
        guard let record = table.find(status, &cursor) else { return nil }
        var type: String?
        if wantsTypes, kind == .file {
            type = table.type(of: record)
            if type == nil { return nil }
        }
        return Known(row: table.row(of: record), type: type)
    }
}
