import CLinux
import Glibc
import LinuxKernel
import ScanEngine
import Synchronization

/// Descriptors 0 to 2, and lines on standard error.
enum StandardStreams {
    /// Makes sure that the three exist, so that no file opened later becomes "standard output": a closed one is replaced by
    /// /dev/null opened the wrong way round, on which writing (reading) fails with EBADF as it would have. A file at the
    /// limit of its size, and a pipe without a reader, are errors of `write`, not the end of the process: an automount
    /// point whose daemon is gone sends SIGPIPE to the first that enters it.
    static func prepare() {
        for descriptor: CInt in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one, as those below are open.
            _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
        }
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        // A parent may ignore the end of its children: then theirs could not be waited for, and their numbers be another's.
        signal(SIGCHLD, SIG_DFL)
        // A parent may have blocked it: see `endByBrokenPipe`.
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_UNBLOCK, &pipe, nil)
    }

    /// The reader of the output went away: the process ends by SIGPIPE, whatever a parent made of that signal. Not when the
    /// thread of the progress display writes, which takes no signals.
    private static func endByBrokenPipe() {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
    }

    /// Writes everything, or throws; a reader that went away is the end of the process. Waits where the descriptor is non-blocking: somebody else may have made it so.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) throws(Errno) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress!, rest.count)
            clinux_stop_if_abandoned()
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            } else if errno != EINTR {
                if errno == EPIPE { endByBrokenPipe() }
                throw Errno(errno)
            }
        }
    }

    /// While a progress line stands on the terminal: others write over it, and it is drawn again below them.
    static let showsProgress = Atomic<Bool>(false)

    /// One line on standard error, with the program's name in front, in one write, by any thread. Failure to complain is
    /// ignored.
    ///
    /// Every message passes through here, and control characters and invalid bytes are escaped here: a message may hold
    /// text from a file that somebody else wrote. A backslash stays, so what is quoted already does not change.
    static func complain(_ line: [UInt8]) {
        let start = showsProgress.load(ordering: .relaxed) ? "\r\u{1B}[K" : ""
        let bytes = Array("\(start)fsscan: ".utf8) + Quoting.forErrors.escapedMessage(line) + [UInt8(ascii: "\n")]
        bytes.withUnsafeBytes { bytes in
            do { try write(bytes, to: 2) } catch {}
        }
    }

    static func complain(_ line: String) { complain(Array(line.utf8)) }

    /// `fsscan: ‘path’: message`, as find prints it.
    static func complain(_ path: [UInt8], _ message: String) {
        complain(Quoting.forErrors.quoted(path) + Array(": \(message)".utf8))
    }
}
