import CLinux
import Glibc
import LinuxKernel
import WorkStealing

/// A process that runs libmagic on the files that it receives, and can do nothing else: see
/// `Sources/fsscan-magic/main.c`, which describes the messages.
///
/// For one worker at a time, which waits for the answers. Up to 16 files at a time: a file of /usr/share, for which
/// libmagic takes 220 µs of processor time, takes 11 µs more than in this process (two workers, 43,569 files). Asking
/// about each alone took 36 µs more.
///
/// A file may have taken over the process, so its answers are untrusted: each must be a possible type of libmagic, or
/// an error of that file. A helper that does not answer is killed.
struct MagicHelper: ~Copyable {
    private let program: MagicProgram
    private let socket: FileDescriptor
    private let process: Int32
    /// Nil if it is confined; otherwise the reason.
    let lackOfConfinement: String?

    /// - Throws: `Start`
    init(_ program: MagicProgram) throws(Start) {
        var process: Int32 = 0
        let number = (program.path + [0]).withUnsafeBytes { path in
            // The array ends in a NUL, and does not move during the call.
            clinux_start_helper(
                path.baseAddress!.assumingMemoryBound(to: CChar.self), "\(program.processorSeconds)",
                program.milliseconds, &process)
        }
        guard number >= 0 else {
            let error = Errno(-number)
            throw error.mayPass ? .failed(Self.cannotStart(error)) : .impossible(Self.cannotStart(error))
        }
        let socket = FileDescriptor(owning: number)
        let hello = Delegation.wait(for: process) { (try? Self.receive(from: socket))?.first }
        switch hello?.letter {
        case UInt8(ascii: "C"): lackOfConfinement = nil
        case UInt8(ascii: "N"): lackOfConfinement = hello?.text
        case UInt8(ascii: "E"):
            _ = clinux_end_helper(process)
            throw .failed(hello?.text ?? "")
        default:
            // No greeting: it is another program, or one for another machine.
            let signal = clinux_end_helper(process)
            throw .impossible("fsscan-magic ended before it was ready\(Self.death(signal))")
        }
        self.program = program
        self.socket = socket
        self.process = process
    }

    deinit { _ = clinux_end_helper(process) }

    /// Why there is no helper.
    enum Start: Error {
        /// Not now, or libmagic itself is unusable.
        case failed(String)
        /// Not on this machine, or not for this user.
        case impossible(String)
    }

    private static func cannotStart(_ error: Errno) -> String { "fsscan-magic cannot be started: \(error.message)" }

    /// How many files one question may have.
    static let mostFiles = Int(CLINUX_MOST_DESCRIPTORS)

    /// The MIME types of open regular files that are not empty.
    ///
    /// - Parameter descriptors: 1 to `mostFiles`. Only their positions are used.
    /// - Throws: `.helper` if one of the files has made this helper unusable.
    func types(ofDescriptors descriptors: [Int32]) throws(ContentFailure) -> [Result<String, ContentFailure>] {
        try Delegation.wait(for: process) { () throws(ContentFailure) in try ask(about: descriptors) }
    }

    private func ask(about descriptors: [Int32]) throws(ContentFailure) -> [Result<String, ContentFailure>] {
        let sent = clinux_send_descriptors(socket.number, descriptors, Int32(descriptors.count))
        // A dead helper is detected below.
        if sent != 0, sent != -EPIPE, sent != -ECONNRESET {
            throw .helper(message: "cannot send to fsscan-magic: \(Errno(-sent).message)", error: Errno(-sent))
        }
        do throws(Errno) {
            let answers = try Self.receive(from: socket)
            guard answers.count == descriptors.count else { throw Errno(EBADMSG) }
            var results: [Result<String, ContentFailure>] = []
            for answer in answers { results.append(try answer.result()) }
            return results
        } catch {
            throw failure(error)
        }
    }

    /// Why there was no answer.
    private func failure(_ error: Errno) -> ContentFailure {
        let message: String
        var code = error
        switch error {
        case Errno(EBADMSG): message = "fsscan-magic gave an invalid answer"
        case Errno(ETIMEDOUT): message = "fsscan-magic gave no answer for \(program.milliseconds / 1000) s"
        default:
            let signal = clinux_end_helper(process)
            let isTime = signal == SIGXCPU
            message =
                isTime
                ? "fsscan-magic used \(program.processorSeconds) s of processor time"
                : "fsscan-magic died\(Self.death(signal))"
            code = Errno(isTime ? ETIMEDOUT : EIO)
        }
        return .helper(message: message, error: code)
    }

    private static func death(_ signal: Int32) -> String { signal == 0 ? "" : " of signal \(signal)" }

    private struct Answer {
        var letter: UInt8
        var error: Int32
        var text: String

        func result() throws(Errno) -> Result<String, ContentFailure> {
            switch letter {
            case UInt8(ascii: "T"):
                guard MIMEType.isOne(text.utf8) else { throw Errno(EBADMSG) }
                return .success(text)
            case UInt8(ascii: "F"):
                return .failure(.type(message: text, error: error > 0 ? Errno(error) : nil))
            case UInt8(ascii: "L"): return .failure(.call("lseek", Errno(error)))
            default: throw Errno(EBADMSG)
            }
        }
    }

    /// - Throws: `EBADMSG` for invalid answers, `EPIPE` if there will be none.
    private static func receive(from socket: borrowing FileDescriptor) throws(Errno) -> [Answer] {
        try withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 8) { (buffer) throws(Errno) in
            let count = clinux_receive(socket.number, buffer.baseAddress!, UInt(buffer.count))
            guard count > 0 else { throw count == 0 ? Errno(EPIPE) : Errno(Int32(-count)) }
            var answers: [Answer] = []
            var rest = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            while !rest.isEmpty {
                guard rest.count >= 7 else { throw Errno(EBADMSG) }
                let end = 7 + Int(rest.loadUnaligned(fromByteOffset: 5, as: UInt16.self))
                guard end <= rest.count else { throw Errno(EBADMSG) }
                answers.append(
                    Answer(
                        letter: rest[0], error: rest.loadUnaligned(fromByteOffset: 1, as: Int32.self),
                        text: String(decoding: rest[7..<end], as: UTF8.self)))
                rest = UnsafeRawBufferPointer(rebasing: rest[end...])
            }
            return answers
        }
    }
}

extension Errno {
    /// A temporary lack of a resource: the same may succeed later.
    fileprivate var mayPass: Bool {
        isShortOfDescriptors || self == Errno(EAGAIN) || self == Errno(ENOMEM) || self == Errno(ENOBUFS)
            || self == Errno(ETXTBSY)
    }
}
