package import Bytes
package import LinuxKernel

/// An option that determines the report. It is kept with the results, in reports, records and saved scans, and the live
/// side of a comparison is scanned with it. To add one, write a line in `all`.
package struct KeptOption: Sendable {
    /// The name, also its key in JSON.
    package let name: StaticString
    package let value: Value

    package enum Value: Sendable {
        /// - Parameter isAlwaysWritten: otherwise only if it is set.
        case flag(any WritableKeyPath<ScanOptions, Bool> & Sendable, isAlwaysWritten: Bool = true)
        /// - Parameter before: the value in files from before the option was kept; nil: the default.
        case bytes(any WritableKeyPath<ScanOptions, Int64> & Sendable, before: Int64? = nil)
        case count(any WritableKeyPath<ScanOptions, Int> & Sendable)
        case algorithms(any WritableKeyPath<ScanOptions, [DigestAlgorithm]> & Sendable)
        case patterns(any WritableKeyPath<ScanOptions, [[UInt8]]> & Sendable)
        /// Written if it is not the default.
        case ranking(any WritableKeyPath<ScanOptions, Ranking> & Sendable)
        /// Written if it is set.
        case time(any WritableKeyPath<ScanOptions, FileTime?> & Sendable)
        /// Written if there is a selection.
        case selection(any WritableKeyPath<ScanOptions, Selection> & Sendable)
    }

    private init(_ name: StaticString, _ value: Value) { (self.name, self.value) = (name, value) }

    /// In the order in which they are written.
    package static let all: [KeptOption] = [
        KeptOption("hash", .algorithms(\.hash)),
        KeptOption("mime", .flag(\.mime)),
        KeptOption("one_file_system", .flag(\.oneFileSystem)),
        KeptOption("exclude_kernfs", .flag(\.excludeKernfs, isAlwaysWritten: false)),
        KeptOption("exclude", .patterns(\.exclude)),
        KeptOption("exclude_caches", .flag(\.excludeCaches, isAlwaysWritten: false)),
        KeptOption("follow_roots", .flag(\.followRoots, isAlwaysWritten: false)),
        KeptOption("gitignore", .flag(\.gitignore)),
        KeptOption("xattrs", .flag(\.xattrs, isAlwaysWritten: false)),
        KeptOption("select", .selection(\.selection)),
        KeptOption("read_pseudo", .flag(\.readPseudo)),
        KeptOption("max_read", .bytes(\.maxRead)),
        // Older versions had no limit.
        KeptOption("max_holes", .bytes(\.maxHoles, before: .max)),
        KeptOption("depth", .count(\.depth)),
        KeptOption("top", .count(\.top)),
        KeptOption("rank", .ranking(\.rank)),
        KeptOption("now", .time(\.now)),
    ]

    /// For lists and depths: the upper end is out of reach, and far from overflow in the engine's arithmetic.
    package static let counts = 0...1_000_000_000
}

extension JSONWriter {
    /// The object `options`: those that determine the report.
    package mutating func member(options: ScanOptions) {
        key("options")
        object(options: options)
    }

    /// The value of `options`.
    ///
    /// - Parameter workingDirectory: the directory to which relative PATHs are relative, if it is kept.
    package mutating func object(options: ScanOptions, workingDirectory: [UInt8]? = nil) {
        beginObject(.onALineEach)
        for option in KeptOption.all {
            switch option.value {
            case .flag(let flag, let isAlwaysWritten):
                if isAlwaysWritten || options[keyPath: flag] { member(option.name, options[keyPath: flag]) }
            case .bytes(let bytes, _): member(option.name, options[keyPath: bytes])
            case .count(let count): member(option.name, Int64(options[keyPath: count]))
            case .algorithms(let algorithms):
                key(option.name)
                beginArray()
                for algorithm in DigestSet(options[keyPath: algorithms]).algorithms { value(algorithm.rawValue) }
                endArray()
            case .ranking(let ranking):
                if options[keyPath: ranking] != .disk { member(option.name, options[keyPath: ranking].rawValue) }
            case .time(let time):
                if let time = options[keyPath: time] { member(option.name, time: time) }
            case .patterns(let patterns): member(option.name, patterns: options[keyPath: patterns])
            case .selection(let selection):
                let selection = options[keyPath: selection]
                if selection.isEmpty { continue }
                key(option.name)
                object(selection: selection)
            }
        }
        if let workingDirectory { member("cwd", bytes: workingDirectory) }
        endObject()
    }
}
