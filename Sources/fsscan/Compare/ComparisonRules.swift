import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// `--exclude` and `--rules` of a comparison.
struct ComparisonRules {
    /// Nil if there are none.
    let set: RuleSet?
    private let list: RuleList?
    private let excludes: [[UInt8]]

    /// Reads the file.
    ///
    /// - Throws: `UsageError` if it cannot be read, or must not be trusted.
    init(_ settings: RuleSettings) throws(UsageError) {
        excludes = settings.excludes
        list = try settings.file.map { (file) throws(UsageError) in try Self.read(file) }
        set = RuleSet(list?.rules ?? [], excludes: excludes)
    }

    private static func read(_ file: [UInt8]) throws(UsageError) -> RuleList {
        let name = CarriedArgument(bytes: file)
        let contents: [UInt8]
        do throws(SnapshotFailure) {
            let descriptor = try InputFile.open(file)
            defer { close(descriptor) }
            if geteuid() == 0, !isRoots(descriptor, file) {
                // The author of the rules could hide changes from root.
                throw SnapshotFailure(path: nil, "users other than root may change it, or a directory above it")
            }
            contents = try readAll(descriptor)
        } catch {
            throw UsageError("--rules", name, "is not read: \(error.message)")
        }
        do throws(RuleFailure) {
            return try RuleList(contents)
        } catch {
            throw UsageError("--rules", name, "line \(error.line ?? 0) \(error.message)")
        }
    }

    private static let sizeLimit = 16 << 20

    private static func readAll(_ descriptor: CInt) throws(SnapshotFailure) -> [UInt8] {
        do throws(Errno) {
            let contents = try Kernel.contents(of: descriptor, limit: sizeLimit + 1)
            if contents.count > sizeLimit { throw .fileTooLarge }
            return contents
        } catch {
            throw SnapshotFailure(path: nil, error.message)
        }
    }

    /// A descriptor that the caller has opened, perhaps a pipe, has no name to check.
    private static func isRoots(_ descriptor: CInt, _ file: [UInt8]) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        if status.st_mode & S_IFMT != S_IFREG { return true }
        if status.st_uid != 0 || status.st_mode & 0o022 != 0 { return false }
        return InputFile.descriptorNumber(file) != nil || withCString(file) { clinux_is_in_roots_directories($0) != 0 }
    }

    /// Warns about patterns and rules that cannot have an effect.
    ///
    /// - Parameter paths: the PATHs that are scanned now.
    func advise(_ paths: [[UInt8]]) {
        let quoting = Quoting.forErrors
        var lines = ExcludeAdvice(excludes, paths: paths, quoting: quoting).lines
        for rule in list?.rules ?? [] {
            lines +=
                ExcludeAdvice(
                    [rule.pattern], paths: paths, quoting: quoting, option: "--rules: line \(rule.line)",
                    alone: "a line"
                ).lines
        }
        if let list, let set {
            for (rule, why) in list.overruled(by: set) {
                let reason =
                    switch why {
                    case .byLine(let line): "line \(line) overrides it"
                    case .isBelowLeftOut: "a directory above it is left out"
                    }
                lines.append(
                    Array("warning: --rules: line \(rule.line): ".utf8) + quoting.quoted(rule.pattern)
                        + Array(" never applies: \(reason)".utf8))
            }
        }
        for line in lines { StandardStreams.complain(line) }
    }
}
