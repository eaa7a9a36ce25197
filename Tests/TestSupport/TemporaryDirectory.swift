import Glibc

/// A directory for one test, with a tree in it; removed with everything below when it is released.
package final class TemporaryDirectory {
    /// An absolute path without symlinks in it.
    package let path: ByteString
    /// Open for `…at` calls.
    package let descriptor: CInt

    /// Makes a directory of mode 0755 in `parent` (default: TMPDIR or /tmp) and creates `tree` in it.
    package init(_ tree: Tree = [], in parent: ByteString? = nil) throws {
        let base = parent ?? getenv("TMPDIR").map { ByteString(String(cString: $0)) } ?? "/tmp"
        guard let real = base.withCString({ realpath($0, nil) }) else { throw Failure(errnoOf: "realpath", base) }
        defer { free(real) }
        var template = Array(String(cString: real).utf8CString.dropLast()) + "/fsscan-test-XXXXXX".utf8CString
        guard mkdtemp(&template) != nil else { throw Failure(errnoOf: "mkdtemp", base) }
        let path = ByteString(template.dropLast().map { UInt8(bitPattern: $0) })
        self.path = path
        descriptor = try check("open", path) {
            path.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        }
        // mkdtemp creates it with 0700, but ordinary users must reach the tree.
        try check("fchmod", path) { fchmod(descriptor, 0o755) }
        try tree.create(in: descriptor)
    }

    deinit {
        do {
            try removeContents(of: descriptor)
            try check("rmdir", path) { path.withCString { rmdir($0) } }
        } catch {
            print("a temporary directory stays behind: \(error)")
        }
        close(descriptor)
    }

    /// The path of an entry below.
    package func appending(_ name: ByteString) -> ByteString { path.appending(name) }
}

/// Deletes everything below an open directory. It handles deep chains without recursion: it goes down by name and up
/// through `..`, and holds one descriptor and the names that are still to be deleted.
package func removeContents(of descriptor: CInt) throws {
    var current = try check("dup", "") { fcntl(descriptor, F_DUPFD_CLOEXEC, 0) }
    defer { close(current) }
    func move(to name: ByteString) throws {
        let next = try check("openat", name) {
            name.withCString { openat(current, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        }
        close(current)
        current = next
    }
    var names: [ByteString] = []
    var pending = [try unlinkFiles(in: current)]
    while true {
        if let name = pending[pending.count - 1].popLast() {
            // Directories that a test made unreadable.
            name.withCString { _ = fchmodat(current, $0, 0o700, 0) }
            try move(to: name)
            names.append(name)
            pending.append(try unlinkFiles(in: current))
        } else {
            pending.removeLast()
            guard let name = names.popLast() else { return }
            try move(to: "..")
            try check("unlinkat", name) { name.withCString { unlinkat(current, $0, AT_REMOVEDIR) } }
        }
    }
}

/// Unlinks everything that is not a directory; returns the names of the directories.
private func unlinkFiles(in directory: CInt) throws -> [ByteString] {
    var directories: [ByteString] = []
    for name in try names(in: directory) {
        let result = name.withCString { unlinkat(directory, $0, 0) }
        if result < 0, errno == EISDIR || errno == EPERM {
            directories.append(name)
        } else if result < 0, errno != ENOENT {
            throw Failure(errnoOf: "unlinkat", name)
        }
    }
    return directories
}

/// The names in an open directory, without `.` and `..`.
package func names(in directory: CInt) throws -> [ByteString] {
    // A separate open file description: a duplicate would share, and move, the position.
    let own = try check("openat", ".") { openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard let stream = fdopendir(own) else { throw Failure(errnoOf: "fdopendir", "") }
    defer { closedir(stream) }
    var result: [ByteString] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
            tuple.withMemoryRebound(to: UInt8.self, capacity: 256) { start in
                ByteString(UnsafeBufferPointer(start: start, count: strnlen(UnsafeRawPointer(start), 256)))
            }
        }
        if name != ".", name != ".." { result.append(name) }
    }
    return result
}

private func strnlen(_ start: UnsafeRawPointer, _ limit: Int) -> Int {
    (0..<limit).first { start.load(fromByteOffset: $0, as: UInt8.self) == 0 } ?? limit
}
