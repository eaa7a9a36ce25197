import Glibc
import LinuxKernel
import ScanEngine

/// System data that mtree programs need for a specification: numbers of users and groups, and the umask.
struct MTreeSystem {
    private var users = Names()
    private var groups = Names()
    private var knownUmask: UInt32?

    /// Nil if this system has no user of that name.
    mutating func user(_ name: [UInt8]) -> UInt32? { users.number(name, Accounts.userID) }
    /// Nil if this system has no group of that name.
    mutating func group(_ name: [UInt8]) -> UInt32? { groups.number(name, Accounts.groupID) }

    /// The umask of the process.
    var umask: UInt32 {
        mutating get {
            let mask = knownUmask ?? Self.fromProc() ?? Self.bySetting()
            knownUmask = mask
            return mask
        }
    }

    private static func fromProc() -> UInt32? {
        guard let status = Kernel.contents(of: Array("/proc/self/status".utf8)) else { return nil }
        let name = Array("Umask:\t".utf8)
        guard let line = status.split(separator: 0x0A).first(where: { $0.starts(with: name) }) else { return nil }
        return UInt32(String(decoding: line.dropFirst(name.count), as: UTF8.self), radix: 8)
    }

    /// For systems without /proc. The corresponding system call is `umask(2)`, which cannot read without setting: a
    /// file that another thread creates in between has fewer permissions, never more.
    private static func bySetting() -> UInt32 {
        let mask = Glibc.umask(0o777)
        _ = Glibc.umask(mask)
        return mask
    }

    /// Each name is looked up once, because a look-up may ask a server.
    private struct Names {
        private var numbers: [[UInt8]: UInt32?] = [:]

        /// The limit: a specification may have any number of names.
        private static let most = 10_000

        mutating func number(_ name: [UInt8], _ lookUp: (String) -> UInt32?) -> UInt32? {
            if let known = numbers[name] { return known }
            if numbers.count == Self.most { numbers = [:] }
            let number = String(validating: name, as: UTF8.self).flatMap(lookUp)
            numbers[name] = .some(number)
            return number
        }
    }
}
