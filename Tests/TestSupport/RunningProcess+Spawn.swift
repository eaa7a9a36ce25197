import Glibc
import Synchronization

extension RunningProcess {
    /// Held from the first pipe to the end of posix_spawn. Glibc's Swift module has no pipe2, and a child started
    /// between pipe and fcntl would inherit the ends: a reader would then wait for that child, too.
    static let spawnLock = Mutex(())

    /// Starts a program; returns its ID and the reading ends of its output streams, −1 if they are not captured.
    static func spawn(
        _ arguments: [ByteString], _ options: ProcessOptions
    ) throws -> (pid: pid_t, output: CInt, error: CInt) {
        let input = try unlinkedFile(containing: options.input)
        defer { close(input) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        var childEnds: [CInt] = []
        defer { for descriptor in childEnds { close(descriptor) } }
        let pipes = try [(options.standardOutput, 1), (options.standardError, CInt(2))].map { target, number -> CInt in
            switch target {
            case .captured:
                var ends: [CInt] = [0, 0]
                try check("pipe", "") { pipe(&ends) }
                for end in ends { try check("fcntl", "pipe") { fcntl(end, F_SETFD, FD_CLOEXEC) } }
                childEnds.append(ends[1])
                posix_spawn_file_actions_adddup2(&actions, ends[1], number)
                return ends[0]
            case .file(let path):
                // The path is copied.
                path.withCString {
                    _ = posix_spawn_file_actions_addopen(&actions, number, $0, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
                }
            case .closed:
                posix_spawn_file_actions_addclose(&actions, number)
            }
            return -1
        }

        // `swift test` has sockets that are not closed by exec, and tests have descriptors of their own. Under a low
        // limit they would leave too few to the child. Closing one that is not open does nothing.
        for descriptor in 3..<CInt(256) { posix_spawn_file_actions_addclose(&actions, descriptor) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Test runners ignore SIGPIPE, which a child would inherit; its own group lets a deadline end grandchildren
        // too.
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)

        var child: pid_t = 0
        let result = withCStrings(arguments) { argv in
            withCStrings(environment(changedBy: options.environment)) { environment in
                posix_spawnp(&child, argv[0]!, &actions, &attributes, argv, environment)
            }
        }
        guard result == 0 else {
            for descriptor in pipes where descriptor >= 0 { close(descriptor) }
            throw Failure("\(arguments[0]): \(String(cString: strerror(result)))")
        }
        return (child, pipes[0], pipes[1])
    }
}
