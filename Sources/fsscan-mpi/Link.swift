import CLinux
import CMPI
import Glibc
import LinuxKernel

/// The kinds of messages between ranks.
enum Word: Int32 {
    /// The first rank → all: the start of the scan; empty: there will be no scan.
    case begin = 1
    /// A rank without work → another.
    case want
    /// The answer to `want`; empty: there is no work to spare.
    case work
    /// Lent work is done.
    case done
    /// The first rank → all: everything is answered.
    case stop
    /// The first rank → all: the report is written.
    case end
    /// All → the first rank: results that need no tree.
    case lists
    /// A rank → the first: entries for an output that the first one writes. And back: how many bytes are written.
    case piece
    case taken
    /// A rank → the first: its state. And back, without one: RankWatch.swift.
    case alive
    /// The first rank → all: the number of a rank that does not answer any more.
    case lost
}

/// Messages between ranks. Used by one thread.
///
/// Messages have any length: `count` is an `int` in MPI, so a long one is sent in parts. They arrive in order, as all
/// messages from one rank to another do.
final class Link {
    let rank: Int
    let size: Int
    private(set) var sentMessages = 0
    private(set) var sentBytes = 0

    private final class Sending {
        let bytes: UnsafeMutableRawBufferPointer
        var request = cmpi_request()

        init(_ part: ArraySlice<UInt8>) {
            bytes = .allocate(byteCount: max(1, part.count), alignment: 1)
            bytes.copyBytes(from: part)
        }

        deinit { bytes.deallocate() }
    }

    private var sending: [Sending] = []
    private var parts: [Int: [UInt8]] = [:]

    private static let longestPart = 1 << 28
    /// Added to the tag of all parts except the last.
    private static let goesOn: Int32 = 64

    /// Nil if there is no MPI.
    init?() {
        var (rank, size) = (Int32(0), Int32(0))
        guard cmpi_start(&rank, &size) == 0 else { return nil }
        (self.rank, self.size) = (Int(rank), Int(size))
    }

    func send(_ word: Word, _ bytes: [UInt8] = [], to rank: Int) {
        sentMessages += 1
        sentBytes += bytes.count
        var rest = bytes[...]
        repeat {
            let part = rest.prefix(Self.longestPart)
            rest = rest.dropFirst(part.count)
            let sending = Sending(part)
            let tag = word.rawValue + (rest.isEmpty ? 0 : Self.goesOn)
            cmpi_send(sending.bytes.baseAddress, Int32(part.count), Int32(rank), tag, &sending.request)
            self.sending.append(sending)
        } while !rest.isEmpty
    }

    /// The next received message, if there is one.
    func receive() -> (word: Word, rank: Int, bytes: [UInt8])? {
        var envelope = cmpi_envelope()
        while cmpi_probe(&envelope) != 0 {
            let count = Int(envelope.count)
            let part = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                cmpi_receive(buffer.baseAddress, &envelope)
                filled = count
            }
            let source = Int(envelope.source)
            if envelope.tag >= Self.goesOn {
                parts[source, default: []] += part
                continue
            }
            guard let word = Word(rawValue: envelope.tag) else { preconditionFailure("a rank sent an unknown message") }
            guard let before = parts.removeValue(forKey: source) else { return (word, source, part) }
            return (word, source, before + part)
        }
        return nil
    }

    /// Releases messages that have been sent.
    func reap() { sending.removeAll { cmpi_sent(&$0.request) != 0 } }

    var hasSent: Bool { sending.isEmpty }

    /// Returns when all ranks have arrived here, and MPI has ended. A rank that hangs ends the job.
    ///
    /// - Parameters:
    ///   - patience: nanoseconds that the others may take. Nobody works any more.
    ///   - meanwhile: answers questions of others.
    func farewell(patience: Int64, meanwhile: () -> Void = {}) {
        var request = cmpi_request()
        cmpi_farewell(&request)
        var clock = RunningClock()
        while cmpi_sent(&request) == 0 || !hasSent {
            meanwhile()
            reap()
            clinux_sleep(100_000)
            clock.look()
            if clock.time > patience {
                Self.complainOfTheEnd(rank)
                abort(ExitStatus.late.rawValue)
            }
        }
        // MPI_Finalize waits for the others, too, and nothing can end it.
        if let thread = Thread.start({ [rank] in Self.end(rank, after: patience) }) { pthread_detach(thread) }
        cmpi_end()
    }

    private static func end(_ rank: Int, after patience: Int64) {
        var clock = RunningClock()
        while clock.time <= patience {
            clinux_sleep(50_000_000)
            clock.look()
        }
        complainOfTheEnd(rank)
        _exit(ExitStatus.late.rawValue)
    }

    private static func complainOfTheEnd(_ rank: Int) {
        StandardStreams.complain("rank \(rank): another rank does not end, and the job is ended")
    }

    /// Ends all ranks.
    func abort(_ status: Int32) -> Never {
        cmpi_abort(status)
        preconditionFailure("MPI_Abort returned")
    }
}
