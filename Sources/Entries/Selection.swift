package import LinuxKernel

/// The entries that are listed, ranked and totalled separately: the conditions of `--type`, `--name` and so on. An
/// entry must meet all of them.
package struct Selection: Equatable, Sendable {
    package var kinds = KindSet.all
    /// Patterns of fnmatch(3), one of which the name must match; none: any name.
    package var names: [[UInt8]] = []
    /// For regular files, in bytes: no other kind is selected then.
    package var sizes: Bounds?
    package var links: Bounds?
    /// The mtime is before this.
    package var older: Moment?
    /// The mtime is after this.
    package var newer: Moment?
    package var user: UInt32?
    package var group: UInt32?

    package init() {}

    /// Whether everything is selected.
    package var isEmpty: Bool { self == Selection() }

    /// Both ends are included.
    package struct Bounds: Equatable, Sendable {
        package var lower: Int64
        package var upper: Int64

        package init(_ lower: Int64, _ upper: Int64) { (self.lower, self.upper) = (lower, upper) }

        func contains(_ number: Int64) -> Bool { lower <= number && number <= upper }
    }

    package enum Moment: Equatable, Sendable {
        /// This many seconds before the reference time.
        case ago(Int64)
        case at(FileTime)

        func resolved(_ now: FileTime) -> Moment {
            guard case .ago(let seconds) = self else { return self }
            let (time, overflow) = now.seconds.subtractingReportingOverflow(seconds)
            // RFC 3339 goes no further back, and neither does any file.
            let first = FileTime(seconds: -62_167_219_200, nanoseconds: 0)
            return .at(overflow ? first : max(first, FileTime(seconds: time, nanoseconds: now.nanoseconds)))
        }
    }

    /// With times in place of ages: another scan with it selects by the same times.
    package func resolved(_ now: FileTime) -> Selection {
        var resolved = self
        resolved.older = older?.resolved(now)
        resolved.newer = newer?.resolved(now)
        return resolved
    }
}

extension Selection {
    /// The fields that it tests, besides the name.
    package var fields: FieldSet {
        var fields: FieldSet = []
        if kinds != .all || sizes != nil { fields.insert(.kind) }
        if sizes != nil { fields.insert(.size) }
        if links != nil { fields.insert(.links) }
        if older != nil || newer != nil { fields.insert(.mtime) }
        if user != nil { fields.insert(.uid) }
        if group != nil { fields.insert(.gid) }
        return fields
    }
}
