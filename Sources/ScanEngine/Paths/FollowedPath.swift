// `-H`: a PATH that is a symlink is followed, as with `find -H`.
//
// A directory only needs a slash after the PATH (`PathNode.root`); then the kernel follows it. Anything else is opened
// by the final name, because all code that opens files refuses symlinks.

import LinuxKernel

extension PathNode {
    /// The target of the PATH; nil if there is none: then the link counts itself.
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

    /// The kernel's limit.
    private static let limit = 40

    init(_ path: [UInt8]) { self.path = path }

    /// The name of something that is not a symlink.
    ///
    /// - Parameter identity: its expected identity.
    /// - Returns: nil if it is something else: links of /proc may lead to files without a name. The PATH can then be
    ///   stat'ed, but not read.
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
