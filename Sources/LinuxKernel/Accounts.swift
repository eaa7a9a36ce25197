import CLinux

/// Users and groups: their names and numbers.
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

    /// The number of the user with that name. The corresponding library call is `getpwnam_r(3)`.
    package static func userID(_ name: String) -> UInt32? {
        lookUp { buffer, size in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            let status = getpwnam_r(name, &entry, buffer, size, &found)
            return (status, found.map { $0.pointee.pw_uid })
        }
    }

    /// The number of the group with that name. The corresponding library call is `getgrnam_r(3)`.
    package static func groupID(_ name: String) -> UInt32? {
        lookUp { buffer, size in
            var entry = CLinux.group()
            var found: UnsafeMutablePointer<group>?
            let status = getgrnam_r(name, &entry, buffer, size, &found)
            return (status, found.map { $0.pointee.gr_gid })
        }
    }

    /// Calls with larger and larger buffers until the answer fits: a group may have thousands of members.
    private static func lookUp<Answer>(
        _ call: (UnsafeMutablePointer<CChar>, Int) -> (status: Int32, answer: Answer?)
    ) -> Answer? {
        var size = 1 << 10
        while size <= 1 << 24 {
            let (status, answer) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) {
                call($0.baseAddress!, size)
            }
            if status != ERANGE { return answer }
            size *= 4
        }
        return nil
    }
}
