// Shared by the tests of ignore patterns: trees for both the matcher and git, and git itself.

import Glibc
import Ignore

/// A directory, given by the names on its path.
struct IgnoreTestDirectory: IgnoreDirectory {
    var components: ArraySlice<[UInt8]>

    var ignoreParent: IgnoreTestDirectory? {
        components.isEmpty ? nil : IgnoreTestDirectory(components: components.dropLast())
    }

    func withIgnoreName<R>(_ body: (Span<UInt8>) -> R) -> R {
        let name = components[components.endIndex - 1]
        return body(name.span)
    }
}

/// A tree as far as patterns are concerned: which paths are directories, and the contents of their `.gitignore` files.
struct IgnoreTestTree {
    /// By path, "" for the root.
    var gitignores: [[UInt8]: [UInt8]] = [:]
    private(set) var directories: Set<[UInt8]> = []

    mutating func addDirectory(_ path: [UInt8]) {
        let components = path.split(separator: slash)
        for count in 1...components.count {
            directories.insert(Array(components[..<count].joined(separator: [slash])))
        }
    }

    mutating func addGitignore(_ contents: [UInt8], in path: [UInt8]) {
        if !path.isEmpty { addDirectory(path) }
        gitignores[path] = contents
    }

    /// Whether a walk would exclude the path: it, or a directory on the way, is ignored.
    func isIgnored(_ path: [UInt8], excludes: IgnoreScope? = nil) -> Bool {
        let components = path.split(separator: slash).map { Array($0) }
        var scope = excludes
        for (depth, name) in components.enumerated() {
            let above = components[..<depth]
            let abovePath = Array(above.joined(separator: [slash]))
            if let contents = gitignores[abovePath] {
                scope = IgnoreScope.child(of: scope, gitignore: contents, depth: depth)
            }
            let isDirectory = depth < components.count - 1 || directories.contains(path)
            let directory = IgnoreTestDirectory(components: above)
            let verdict = scope?.verdict(name.span, isDirectory: isDirectory, in: directory, directoryDepth: depth)
            if verdict == .ignored { return true }
        }
        return false
    }
}

let slash = UInt8(ascii: "/")

/// A git repository in a temporary directory, removed with it.
final class GitRepository {
    let path: String

    /// Makes the repository and the tree's directories and `.gitignore` files in it.
    init(_ tree: IgnoreTestTree) throws {
        var template = Array("\(temporaryRoot)/fsscan-ignore-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        _ = try git(["init", "--quiet", "."])
        // Parents sort before their contents.
        for directory in tree.directories.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard withPath(directory, { mkdir($0, 0o755) }) == 0 else { throw TestFailure("mkdir: errno \(errno)") }
        }
        for (directory, contents) in tree.gitignores {
            try write(contents, to: directory + (directory.isEmpty ? [] : [slash]) + Array(".gitignore".utf8))
        }
    }

    deinit { _ = try? run(["rm", "-rf", "--", path].map { Array($0.utf8) }) }

    /// The paths that git would exclude. They need not exist, except directories; none may begin with a colon, which
    /// git takes for an option.
    func ignored(_ paths: [[UInt8]]) throws -> Set<[UInt8]> {
        let arguments = ["check-ignore", "--stdin", "-z", "--verbose", "--non-matching", "--no-index"]
        let output = try git(arguments.map { Array($0.utf8) }, input: Array(paths.joined(separator: [0])) + [0])
        let fields = output.split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count == 4 * paths.count + 1 else { throw TestFailure("git answered \(fields.count) fields") }
        var result: Set<[UInt8]> = []
        for (index, path) in paths.enumerated() {
            // Source, line, pattern, path; the first three are empty if nothing matched.
            let pattern = fields[4 * index + 2]
            guard fields[4 * index + 3].elementsEqual(path) else { throw TestFailure("git answered out of order") }
            if let first = pattern.first, first != UInt8(ascii: "!") { result.insert(path) }
        }
        return result
    }

    /// Standard output of git, run in the repository and deaf to the configuration of user and system.
    func git(_ arguments: [[UInt8]], input: [UInt8] = []) throws -> [UInt8] {
        try run([Array("git".utf8), Array("-C".utf8), Array(path.utf8)] + arguments, input: input)
    }

    func git(_ arguments: [String]) throws -> [UInt8] { try git(arguments.map { Array($0.utf8) }) }

    func write(_ contents: [UInt8], to name: [UInt8]) throws {
        let descriptor = withPath(name) { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw TestFailure("open: errno \(errno)") }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, contents, contents.count) == contents.count else { throw TestFailure("write") }
    }

    private func withPath<R>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
        let bytes = Array(path.utf8) + [slash] + name + [0]
        return bytes.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    private func run(_ arguments: [[UInt8]], input: [UInt8] = []) throws -> [UInt8] {
        // Files instead of pipes, so there is no deadlock. Unlinked at once.
        let files = try (0..<2).map { _ in
            var template = Array("\(temporaryRoot)/fsscan-ignore-io-XXXXXX".utf8CString)
            let descriptor = mkstemp(&template)
            guard descriptor >= 0 else { throw TestFailure("mkstemp: errno \(errno)") }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            unlink(&template)
            return descriptor
        }
        defer { for file in files { close(file) } }
        guard Glibc.write(files[0], input, input.count) == input.count else { throw TestFailure("write") }
        lseek(files[0], 0, SEEK_SET)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, files[0], 0)
        posix_spawn_file_actions_adddup2(&actions, files[1], 1)
        let environment = [
            "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent",
            "LC_ALL=C", "PATH=" + (getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"),
        ]
        var pid: pid_t = 0
        let code = withCStrings(arguments) { arguments in
            withCStrings(environment.map { Array($0.utf8) }) { environment in
                posix_spawnp(&pid, arguments[0]!, &actions, nil, arguments, environment)
            }
        }
        guard code == 0 else { throw TestFailure("posix_spawnp: errno \(code)") }
        var status: CInt = 0
        guard waitpid(pid, &status, 0) == pid else { throw TestFailure("waitpid: errno \(errno)") }
        // check-ignore exits 1 when nothing is ignored.
        guard status == 0 || status == 1 << 8 else { throw TestFailure("git: wait status \(status)") }

        var output = [UInt8](repeating: 0, count: Int(lseek(files[1], 0, SEEK_END)))
        guard pread(files[1], &output, output.count, 0) == output.count else { throw TestFailure("pread") }
        return output
    }
}

/// In memory if possible: thousands of directories are created, which takes half a millisecond each on a disk's file
/// system.
private let temporaryRoot = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp"

struct TestFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

private func withCStrings<R>(_ strings: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { string in
        (string + [0]).withUnsafeBytes { strdup($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
    }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}

/// Reproducible random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

/// Bytes as text for messages: `\xff` for what is not printable ASCII.
func quoted(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
        (0x20..<0x7f).contains(byte) ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16)
    }.joined()
}
