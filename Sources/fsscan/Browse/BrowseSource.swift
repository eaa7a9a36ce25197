import Entries
import ScanEngine

/// Where the browser's tree comes from: a scan, or something that was kept of one. Fills the tree on threads of its
/// own.
protocol BrowseSource: AnyObject {
    /// The path of the tree's root.
    var path: [UInt8] { get }
    /// Whether more is to come.
    var isRunning: Bool { get }
    /// What happens while it runs: `scanning`, `reading`.
    var activity: String { get }
    /// Why not everything came, if it did not: a sentence for people.
    var failure: [UInt8]? { get }
    /// Brings the tree up to date.
    func update(_ tree: inout DirectoryTree, _ spare: inout DirectoryEvents)
    /// Starts to list what is in a directory beside directories.
    ///
    /// - Parameter names: from the root down to it.
    func files(of directory: DirectoryNumber, names: [[UInt8]]) -> BackgroundTask<FileTable>
    /// The first errors.
    var errorList: [ScanError] { get }
    /// Ends soon.
    func cancel()
}
