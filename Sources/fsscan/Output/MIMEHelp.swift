import Glibc
import ScanEngine

/// Messages about the libmagic helper.
enum MIMEHelp {
    /// A line of `--version`.
    static func line() -> String {
        do throws(MIMEUnavailable) {
            let confinement = try MIMEConfinement.ofThisMachine()
            return confinement.reason.map { "MIME types: not confined: \($0)" } ?? "MIME types: confined helper"
        } catch {
            return "MIME types: none: \(error.message)"
        }
    }

    /// For root: a file that takes over libmagic would get root's privileges. An ordinary user takes the same risk with
    /// `file`.
    static func warn(_ scan: Scan) { warn(scan.mimeConfinement) }

    static func warn(_ confinement: MIMEConfinement?) {
        guard geteuid() == 0, let reason = confinement?.reason else { return }
        StandardStreams.complain("warning: --mime: not confined: \(reason)")
    }
}
