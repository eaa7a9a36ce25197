import TestSupport
import Testing

@testable import ScanEngine

/// Which devices count as mounted once.
struct DeviceTableTests {
    private static let (root, data, twice) = (UInt64(8) << 32 | 1, UInt64(8) << 32 | 2, UInt64(8) << 32 | 3)

    private static let lines = """
        20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
        21 20 0:5 / /proc rw - proc proc rw
        22 20 8:2 / /data rw - ext4 /dev/sda2 rw
        23 20 8:3 / /a rw - ext4 /dev/sda3 rw
        24 20 8:3 /d /b\\040c rw - ext4 /dev/sda3 rw

        """

    /// Those that count as mounted once. (`#expect` copies its operands, and a table cannot be copied.)
    private static func once(_ table: borrowing DeviceTable) -> Set<UInt64> {
        var found: Set<UInt64> = []
        for device in [root, data, twice, 1] where table.showsLinksOnce(device) { found.insert(device) }
        return found
    }

    private static func table(
        _ mount: UInt64?, _ path: String, also line: String = "", entersMounts: Bool = true
    ) -> DeviceTable {
        DeviceTable(
            mountinfo: Array((lines + line).utf8), scanning: DeviceTable.Place(mount: mount, path: Array(path.utf8)),
            entersMounts: entersMounts)
    }

    @Test func aDeviceIsMountedOnceIfTheTableShowsTheMountOfThePath() {
        // 1 is a device that is not in the table.
        let found = Self.once(Self.table(20, "/usr"))
        #expect(found == [Self.root, Self.data])
    }

    /// A chroot, another namespace, an older kernel; several PATHs; no /proc.
    @Test func otherwiseNoneIs() {
        for mount in [30, 1, nil] as [UInt64?] {
            let found = Self.once(Self.table(mount, "/usr"))
            #expect(found == [])
        }
        let several = Self.once(DeviceTable(mountinfo: Array(Self.lines.utf8), scanning: nil))
        #expect(several == [])
        let place = DeviceTable.Place(mount: 20, path: Array("/".utf8))
        let nothing = Self.once(DeviceTable(mountinfo: [], scanning: place))
        #expect(nothing == [])
    }

    @Test(arguments: [
        ("/", "20", "/home", true), ("/home", "20", "/home", true), ("/home", "20", "/home/a", true),
        ("/home", "20", "/homes", false), ("/home/a", "20", "/home", false), ("/a b", "20", "/a\\040b/c", true),
        ("/", "21", "/proc/sys/fs/binfmt_misc", false),
    ])
    func anAutomountPointBelowMayMountAnything(path: String, parent: String, point: String, mayMount: Bool) {
        let line = "31 \(parent) 0:40 / \(point) rw - autofs systemd-1 rw,fd=5\n"
        let found = Self.once(Self.table(20, path, also: line))
        #expect(found == (mayMount ? [] : [Self.root, Self.data]))
        let staying = Self.once(Self.table(20, path, also: line, entersMounts: false))
        #expect(staying == [Self.root, Self.data])
    }

    @Test func aMountThatTheTableDoesNotHaveEndsIt() {
        let table = Self.table(20, "/usr")
        for (mount, device) in [(20, Self.root), (22, Self.data), (24, Self.twice), (99, Self.twice), (99, 1)]
            as [(UInt64, UInt64)]
        {
            table.meet(mount: mount, of: table[device])
        }
        let before = Self.once(table)
        #expect(before == [Self.root, Self.data])
        table.meet(mount: 99, of: table[Self.data])
        let after = Self.once(table)
        #expect(after == [])
    }
}
