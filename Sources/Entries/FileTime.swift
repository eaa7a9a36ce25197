public import LinuxKernel

/// Seconds and nanoseconds since 1970, the nanoseconds counted forwards also before it: a time of `statx(2)` that is
/// compared.
@frozen public struct FileTime: Comparable, Sendable {
    public var seconds: Int64
    public var nanoseconds: UInt32

    @inlinable public init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Before all times.
    package static let distantPast = FileTime(seconds: .min, nanoseconds: 0)

    @inlinable
    public static func < (left: FileTime, right: FileTime) -> Bool {
        left.seconds == right.seconds ? left.nanoseconds < right.nanoseconds : left.seconds < right.seconds
    }
}

extension FileStatus {
    /// The mtime.
    @inlinable
    package var lastChange: FileTime {
        let time = mtime
        return FileTime(seconds: time.seconds, nanoseconds: UInt32(truncatingIfNeeded: time.nanoseconds))
    }
}
