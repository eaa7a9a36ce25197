// `-H`: a PATH that is a symlink stands for what it leads to, as with `find -H`.
//
// A directory needs no more than a slash behind the PATH (`PathNode.root`), and then the kernel goes where it would go.
// Anything else is opened by the name that the link leads to: all that opens a file refuses symlinks.

import LinuxKernel

extension PathNode {
    /// What the PATH leads to; nil where that is nothing: then the link counts itself.
    func followedStatus() throws(Errno) -> FileStatus? {
        var status = FileStatus()
        do throws(Errno) {
            try withCString { (path) throws(Errno) in
                try Kernel.followedStatus(of: path, into: &status)
            }
            return status
        } catch {
            if error == .noSuchEntry { return nil }
            throw error
        }
    }
}

/// The way from one symlink to the next.
struct FollowedPath {
    private var path: [UInt8]

    /// As many as the kernel follows.
    private static let limit = 40

    init(_ path: [UInt8]) { self.path = path }

    /// A name that is no symlink.
    ///
    /// - Parameter identity: what has it.
    /// - Returns: nil where it is something else: links of /proc lead to what may have no name any more. The PATH then can
    ///   be looked at, and not be read.
    consuming func resolved(to identity: DeviceInode) throws(Errno) -> [UInt8]? {
        var status = FileStatus()
        for _ in 0..<Self.limit {
            let cString = path.map { CChar(bitPattern: $0) } + [0]
            do throws(Errno) {
                try Kernel.status(of: cString, in: Kernel.workingDirectory, into: &status)
                guard status.kind == .symlink else { return status.identity == identity ? path : nil }
                follow(try Kernel.symlinkTarget(cString, in: Kernel.workingDirectory))
            } catch {
                if error == .noSuchEntry { return nil }
                throw error
            }
        }
        return nil
    }

    private mutating func follow(_ target: [UInt8]) {
        let slash = UInt8(ascii: "/")
        let name = path.lastIndex(of: slash).map { $0 + 1 } ?? 0
        path = target.first == slash ? target : path[..<name] + target
    }
}
