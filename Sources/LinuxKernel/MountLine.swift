/// A line of /proc/self/mountinfo: see proc_pid_mountinfo(5).
///
///     36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue
package struct MountLine {
    package let mount: UInt64
    /// The mount on which this one is mounted.
    package let parent: UInt64
    /// As `FileStatus.device`.
    package let device: UInt64
    /// The file system's type.
    package let type: ArraySlice<UInt8>
    /// Of the file system, separated by commas.
    package let options: ArraySlice<UInt8>
    private let fields: [ArraySlice<UInt8>]

    /// Nil if it is not such a line.
    package init?(_ line: ArraySlice<UInt8>) {
        fields = line.split(separator: UInt8(ascii: " "))
        // A lone "-" follows some optional fields.
        guard fields.count > 6, let separator = fields[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }),
            separator + 1 < fields.endIndex, let mount = Self.number(fields[0]), let parent = Self.number(fields[1])
        else { return nil }
        let numbers = fields[2].split(separator: UInt8(ascii: ":")).map { Self.number($0) }
        guard numbers.count == 2, let major = numbers[0], let minor = numbers[1], max(major, minor) <= UInt32.max else {
            return nil
        }
        (self.mount, self.parent, device) = (mount, parent, major << 32 | minor)
        type = fields[separator + 1]
        options = separator + 3 < fields.endIndex ? fields[separator + 3] : []
    }

    /// The directory of the file system that is visible at the mount point.
    package var root: [UInt8] { Self.unescaped(fields[3]) }
    /// As seen from this process's root.
    package var mountPoint: [UInt8] { Self.unescaped(fields[4]) }

    private static func number(_ field: ArraySlice<UInt8>) -> UInt64? { UInt64(String(decoding: field, as: UTF8.self)) }

    /// Blanks and backslashes are written as `\040` and so on.
    private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
