import CLinux

/// Names of users and groups.
package enum Accounts {
    /// The corresponding library call is `getpwuid_r(3)`.
    package static func user(_ id: UInt32) -> String? {
        lookUp { buffer, size in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            let status = getpwuid_r(id, &entry, buffer, size, &found)
            return (status, found.map { String(cString: $0.pointee.pw_name) })
        }
    }

    /// The corresponding library call is `getgrgid_r(3)`.
    package static func group(_ id: UInt32) -> String? {
        lookUp { buffer, size in
            var entry = CLinux.group()
            var found: UnsafeMutablePointer<group>?
            let status = getgrgid_r(id, &entry, buffer, size, &found)
            return (status, found.map { String(cString: $0.pointee.gr_name) })
        }
    }

    /// Calls with larger and larger buffers until the answer fits: a group may have thousands of members.
    private static func lookUp(
        _ call: (UnsafeMutablePointer<CChar>, Int) -> (status: Int32, name: String?)
    ) -> String? {
        var size = 1 << 10
        while size <= 1 << 24 {
            let (status, name) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) {
                call($0.baseAddress!, size)
            }
            if status != ERANGE { return name }
            size *= 4
        }
        return nil
    }
}
