import Entries
import ScanEngine

/// The origin of the browser's tree: a scan, or a saved or exported one. Fills the tree on threads of its own.
protocol BrowseSource: AnyObject {
    /// The path of the tree's root.
    var path: [UInt8] { get }
    /// Whether more is to come.
    var isRunning: Bool { get }
    /// Its current activity: `scanning`, `reading`.
    var activity: String { get }
    /// Why the tree is incomplete, if it is: a sentence for people.
    var failure: [UInt8]? { get }
    /// Brings the tree up to date.
    func update(_ tree: inout DirectoryTree, _ spare: inout DirectoryEvents)
    /// Starts listing the entries of a directory that are not directories.
    ///
    /// - Parameter names: from the root down to it.
    func files(of directory: DirectoryNumber, names: [[UInt8]]) -> BackgroundTask<FileTable>
    /// The first errors.
    var errorList: [ScanError] { get }
    /// Ends soon.
    func cancel()
}
