/// Decides which regular files a scan reads, if not all. For the others it reports only their status: they have no
/// digests and no type, and the directories above them have no digests.
package protocol ContentChoice: AnyObject, Sendable {
    /// Called by any worker, once for each name.
    ///
    /// - Parameters:
    ///   - root: index of its PATH.
    ///   - path: as `find PATH` prints it; valid during the call.
    ///   - size: in bytes.
    func isRead(root: Int, path: UnsafeRawBufferPointer, size: Int64) -> Bool
}
