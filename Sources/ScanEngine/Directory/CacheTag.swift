import Ignore
import LinuxKernel

/// `CACHEDIR.TAG` marks a directory whose contents can be regenerated (https://bford.info/cachedir/). As with `tar
/// --exclude-caches`, only the directory and the tag are kept.
enum CacheTag {
    static let name = "CACHEDIR.TAG"
    /// The beginning of the file.
    private static let signature = Array("Signature: 8a477f597d28d172789f06886806bc55".utf8)

    /// Whether the directory has a valid one: a regular file, not a symlink.
    static func isValid(in directory: Int32) throws(Errno) -> Bool {
        try Kernel.beginning(ofFile: name, in: directory, count: signature.count) == signature
    }

    /// The patterns for the entries of a directory with a tag.
    ///
    /// - Parameter scope: the patterns without the tag: they may exclude the tag, too.
    static func scope(of directory: PathNode, _ scope: IgnoreScope?) -> IgnoreScope {
        let name = Array(name.utf8)
        let verdict = scope?.verdict(
            name.span, isDirectory: false, in: directory, directoryDepth: directory.level)
        return verdict == .ignored ? nothing : tagAlone
    }

    // The patterns of the command line win over every .gitignore.
    private static let tagAlone = IgnoreScope(excludes: ["*", "!\(name)"].map { Array($0.utf8) })!
    private static let nothing = IgnoreScope(excludes: [Array("*".utf8)])!
}
