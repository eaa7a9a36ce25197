import Ignore
import LinuxKernel

/// `CACHEDIR.TAG`, which says of a directory that what is in it can be made again (https://bford.info/cachedir/). As with
/// `tar --exclude-caches`, the directory and the tag are kept, and nothing else.
enum CacheTag {
    static let name = "CACHEDIR.TAG"
    /// What the file begins with.
    private static let signature = Array("Signature: 8a477f597d28d172789f06886806bc55".utf8)

    /// Whether the directory has one: a regular file, and no symlink to one.
    static func isValid(in directory: Int32) throws(Errno) -> Bool {
        try Kernel.beginning(ofFile: name, in: directory, count: signature.count) == signature
    }

    /// What applies to the entries of a directory that has one.
    ///
    /// - Parameter scope: what would apply otherwise: it may leave out the tag, too.
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
