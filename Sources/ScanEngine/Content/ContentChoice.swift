/// Which regular files a scan looks into, where it is not to look into all of them. Of the others it says what a `stat`
/// says, and neither digests nor a type: nor has a directory above them digests.
package protocol ContentChoice: AnyObject, Sendable {
    /// Asked by any worker, once for each name.
    ///
    /// - Parameters:
    ///   - root: index of its PATH.
    ///   - path: as `find PATH` prints it; valid during the call.
    ///   - size: in bytes.
    func isRead(root: Int, path: UnsafeRawBufferPointer, size: Int64) -> Bool
}
