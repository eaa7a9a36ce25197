import CLinux
import Glibc
import Ignore
import LinuxKernel
import ScanEngine

/// Warnings about patterns of `--exclude` that cannot have their apparent effect. They are not errors: a list of
/// patterns may be meant for many trees.
struct ExcludeAdvice {
    private(set) var lines: [[UInt8]] = []
    private let quoting: Quoting
    private let option: String
    private let alone: String

    /// - Parameters:
    ///   - option: the origin of the patterns.
    ///   - alone: names the option for one of several patterns.
    init(
        _ patterns: [[UInt8]], paths: [[UInt8]], quoting: Quoting, option: String = "--exclude",
        alone: String = "an --exclude"
    ) {
        (self.quoting, self.option, self.alone) = (quoting, option, alone)
        let absolute = patterns.contains { $0.contains(UInt8(ascii: "/")) } ? paths.map(Self.absolute) : []
        for pattern in patterns {
            if let doubt = PatternDoubt(pattern) ?? Self.doubt(pattern, paths, absolute) { add(pattern, doubt) }
        }
    }

    /// No doubt if a PATH contains the first component of the pattern.
    private static func doubt(_ pattern: [UInt8], _ paths: [[UInt8]], _ absolute: [[UInt8]?]) -> PatternDoubt? {
        var first: PatternDoubt?
        var isThere = false
        for (path, place) in zip(paths, absolute) {
            guard let place else { continue }
            let doubt = PatternDoubt(pattern, in: place) { name in
                var status = stat()
                let found = withCString(path + Array("/".utf8) + name) { lstat($0, &status) } == 0
                isThere = isThere || found
                return found
            }
            first = first ?? doubt
        }
        return isThere ? nil : first
    }

    private static func absolute(_ path: [UInt8]) -> [UInt8]? {
        guard !path.isEmpty, let result = withCString(path, { realpath($0, nil) }) else { return nil }
        defer { free(result) }
        return Array(UnsafeRawBufferPointer(start: result, count: strlen(result)))
    }

    private mutating func add(_ pattern: [UInt8], _ doubt: PatternDoubt) {
        let reason: [UInt8] =
            switch doubt {
            case .matchesNothing: Array(" can match nothing".utf8)
            case .matchesThePath: Array(" matches nothing: a PATH is never left out".utf8)
            case .leadsUp: Array(" matches nothing: a pattern cannot match outside the PATH".utf8)
            case .emptyComponent(let instead):
                Array(" matches nothing: no name is '.' or empty; for that entry of the PATH use ".utf8)
                    + quoting.quoted(instead)
            case .isAbsolute(let instead):
                Array(" matches nothing here: a slash in front stands for the PATH, so it would have to be ".utf8)
                    + quoting.quoted(instead)
            case .hasBraces(let instead):
                Array(" matches literal braces; give each pattern \(alone) of its own: ".utf8)
                    + Array(instead.prefix(10).map { quoting.quoted($0) }.joined(separator: Array(" ".utf8)))
            }
        lines.append(Array("warning: \(option): ".utf8) + quoting.quoted(pattern) + reason)
    }
}
