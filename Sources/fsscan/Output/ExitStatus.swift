import CLinux
import Entries
import Formats
import LinuxKernel
import ScanEngine
import Snapshots

/// The exit status. If several apply, the first in this order wins: usage, unavailable, output, signals, deadline,
/// unreadable.
enum ExitStatus: Equatable {
    case success
    case unreadable
    /// Of `diff` and `verify`: the sides differ.
    case different
    /// Of `diff` and `verify`: something could not be read or compared.
    case trouble
    case usage
    /// A library, its data or /proc is missing on this machine, and an option needs it: `EX_UNAVAILABLE` of sysexits.h.
    case unavailable
    case outputFailed
    /// Stopped by `--deadline`: `EX_TEMPFAIL` of sysexits.h.
    case late
    case stopped(signal: CInt)

    var rawValue: CInt {
        switch self {
        case .success: 0
        case .unreadable, .different: 1
        case .trouble: 2
        case .usage: 64
        case .unavailable: 69
        case .outputFailed: 74
        case .late: 75
        // As shells show a process ended by a signal.
        case .stopped(let signal): 128 + signal
        }
    }

    /// Set when a stop signal arrived, whether or not the scan was running.
    static var stopSignal: ExitStatus? {
        let signal = clinux_stop_signal()
        return signal == 0 ? nil : .stopped(signal: signal)
    }
}

extension ExitStatus {
    /// Reports an error on standard error.
    init(reporting error: any Error) {
        switch error {
        case let error as UsageError:
            StandardStreams.complain(error.message)
            self = .usage
        case let error as ScanUnavailable:
            let message = Array("\(error.option): \(error.message)".utf8)
            StandardStreams.complain(message)
            self = .unavailable
        case let error as OutputError:
            // If a signal ended the wait for a FIFO's reader, that is not an output error.
            if error.cause.error == .interrupted, let status = ExitStatus.stopSignal {
                self = status
                return
            }
            if let path = error.path {
                StandardStreams.complain(path, error.cause.message)
            } else {
                StandardStreams.complain("standard output: \(error.cause.message)")
            }
            self = .outputFailed
        case let error as SnapshotFailure:
            if let status = ExitStatus.stopSignal {
                self = status
                return
            }
            if let path = error.path {
                StandardStreams.complain(path, error.message)
            } else {
                StandardStreams.complain(error.message)
            }
            self = .trouble
        case let error as SaveFailure:
            if let status = ExitStatus.stopSignal {
                self = status
                return
            }
            StandardStreams.complain(error.path, error.message)
            self = error.isOfOlderVersion ? .usage : .outputFailed
        default: preconditionFailure("an error without an output: \(error)")
        }
    }
}
