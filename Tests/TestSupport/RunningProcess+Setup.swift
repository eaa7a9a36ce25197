import Glibc

/// Runs a command to its end: `try run(["du", "-s", "-B1", directory.path])`.
@discardableResult
package func run(
    _ arguments: [ByteString], _ options: ProcessOptions = ProcessOptions()
) throws -> ProcessOutcome {
    try RunningProcess(arguments, options).finish()
}

/// The standard output of a command that must succeed.
package func output(of arguments: [ByteString], _ options: ProcessOptions = ProcessOptions()) throws -> [UInt8] {
    let outcome = try run(arguments, options)
    guard outcome.status == 0 else {
        throw Failure("\(arguments.map(\.text)): \(outcome.end): \(outcome.errorText.prefix(2000))")
    }
    return outcome.standardOutput
}

extension RunningProcess {
    /// The command with a prefix of programs that lower its limits and privileges; each of them execs the next.
    static func wrapped(_ arguments: [ByteString], _ options: ProcessOptions) -> [ByteString] {
        precondition(!arguments.isEmpty)
        var command = arguments
        if let directory = options.directory { command = ["env", "-C", directory] + command }
        if options.asOrdinaryUser, geteuid() == 0 {
            command =
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--"] + command
        }
        if !options.limits.isEmpty {
            let limits = options.limits.sorted { $0.key < $1.key }.map { ByteString("--\($0.key)=\($0.value)") }
            command = ["prlimit"] + limits + ["--"] + command
        }
        return command
    }

    static func environment(changedBy changes: [String: String?]) -> [ByteString] {
        var result: [ByteString] = []
        var entry = environ
        while let pointer = entry.pointee {
            let bytes = Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
            let key = String(decoding: bytes.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            if changes[key] == nil { result.append(ByteString(bytes)) }
            entry += 1
        }
        for (key, value) in changes { if let value { result.append("\(key)=\(value)") } }
        return result
    }

    /// An open unnamed file with these bytes, positioned at its beginning: standard input without a writer.
    static func unlinkedFile(containing bytes: [UInt8]) throws -> CInt {
        if bytes.isEmpty { return try check("open", "/dev/null") { open("/dev/null", O_RDONLY | O_CLOEXEC) } }
        var template = Array("/tmp/fsscan-input-XXXXXX".utf8CString)
        let descriptor = try check("mkstemp", "/tmp") { mkstemp(&template) }
        try check("fcntl", "/tmp") { fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        unlink(template)
        var written = 0
        while written < bytes.count {
            written += try bytes[written...].withUnsafeBytes { rest in
                try check("write", "standard input") { write(descriptor, rest.baseAddress!, rest.count) }
            }
        }
        lseek(descriptor, 0, SEEK_SET)
        return descriptor
    }

    static func withCStrings<R>(
        _ strings: [ByteString], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { $0.withCString { strdup($0) } }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    }

    /// Seconds of the monotonic clock.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
