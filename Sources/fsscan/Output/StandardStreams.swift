import CLinux
import Glibc
import LinuxKernel
import ScanEngine
import Synchronization

/// Descriptors 0 to 2, and lines on standard error.
enum StandardStreams {
    /// Makes sure that the three exist, so that no file opened later becomes "standard output". A closed one is
    /// replaced by /dev/null opened in the wrong direction, so that writing (reading) still fails with EBADF. A file at
    /// its size limit, and a pipe without a reader, become errors of `write` instead of ending the process: an
    /// automount point without its daemon sends SIGPIPE to the first process that enters it.
    static func prepare() {
        for descriptor: CInt in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one, because those below are open.
            _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
        }
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        // A parent may ignore SIGCHLD: then helpers could not be waited for, and their numbers might be reused.
        signal(SIGCHLD, SIG_DFL)
        // A parent may have blocked it: see `endByBrokenPipe`.
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_UNBLOCK, &pipe, nil)
    }

    /// The reader of the output has closed the pipe: ends the process by SIGPIPE, whatever a parent did to that signal.
    /// Not on the progress thread, which blocks signals.
    private static func endByBrokenPipe() {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
    }

    /// Writes everything, or throws; a closed pipe ends the process. Waits if the descriptor is non-blocking: another
    /// process may have made it so.
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

    /// While a progress line is on the terminal: other lines overwrite it, and it is redrawn below them.
    static let showsProgress = Atomic<Bool>(false)

    /// Writes one line on standard error, prefixed with the program's name, in one write, from any thread. Errors are
    /// ignored.
    ///
    /// Every message passes through here, and control characters and invalid bytes are escaped here: a message may
    /// contain text from an untrusted file. Backslashes are not escaped, so text that is already quoted does not
    /// change.
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
