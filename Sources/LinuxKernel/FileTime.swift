/// Seconds and nanoseconds since 1970; nanoseconds count forwards even before 1970, as in `statx(2)`. A damaged file
/// system may report more nanoseconds than a second has.
@frozen public struct FileTime: Hashable, Comparable, Sendable {
    public var seconds: Int64
    public var nanoseconds: Int64

    @inlinable public init(seconds: Int64, nanoseconds: Int64) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Earlier than all times.
    @inlinable package static var distantPast: FileTime { FileTime(seconds: .min, nanoseconds: 0) }

    @inlinable
    public static func < (left: FileTime, right: FileTime) -> Bool {
        left.seconds == right.seconds ? left.nanoseconds < right.nanoseconds : left.seconds < right.seconds
    }
}
