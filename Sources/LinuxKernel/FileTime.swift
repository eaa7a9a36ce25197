/// Seconds and nanoseconds since 1970, the nanoseconds counted forwards also before it, as in `statx(2)`. A damaged file
/// system may have more nanoseconds than a second has.
@frozen public struct FileTime: Hashable, Comparable, Sendable {
    public var seconds: Int64
    public var nanoseconds: Int64

    @inlinable public init(seconds: Int64, nanoseconds: Int64) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Before all times.
    @inlinable package static var distantPast: FileTime { FileTime(seconds: .min, nanoseconds: 0) }

    @inlinable
    public static func < (left: FileTime, right: FileTime) -> Bool {
        left.seconds == right.seconds ? left.nanoseconds < right.nanoseconds : left.seconds < right.seconds
    }
}
