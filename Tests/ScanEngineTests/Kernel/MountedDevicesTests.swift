import Bytes
import TestSupport
import Testing

@testable import ScanEngine

/// Numbers of devices on two machines that mount the same file systems.
struct MountedDevicesTests {
    private static let major = UInt64(1) << 32

    /// - Parameter mounts: mount points, and minor numbers of their devices.
    private static func devices(_ mounts: [(String, Int)], _ paths: [(String, Int)]) -> MountedDevices {
        let lines = mounts.enumerated().map { "\($0 + 20) 1 1:\($1.1) / \($1.0) rw - ext4 /dev/x rw\n" }
        return MountedDevices(
            mountinfo: Array(lines.joined().utf8),
            paths.map { path, minor in
                DeviceTable.Place(mount: 1, path: Array(path.utf8), device: major | UInt64(minor))
            })
    }

    /// By minor number.
    private static func numbers(_ own: MountedDevices, of other: MountedDevices) throws -> [Int: Int] {
        // As they arrive there.
        var out = BinaryWriter()
        other.encode(to: &out)
        var input = BinaryReader(out.bytes)
        let received = try MountedDevices(from: &input)
        #expect(received == other)
        let pairs = own.numbers(of: received).map { (Int($0.key & 0xFF), Int($0.value & 0xFF)) }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    @Test func aDeviceIsCalledByItsMountPointBelowThePath() throws {
        let first = Self.devices([("/", 1), ("/data", 2), ("/data/in\\040side", 3), ("/database", 4)], [("/data", 2)])
        // Mounted elsewhere, and with a mount that the first one has not.
        let second = Self.devices(
            [("/", 1), ("/mnt/data", 7), ("/mnt/data/in\\040side", 2), ("/mnt/data/other", 9)], [("/mnt/data", 7)])
        #expect(try Self.numbers(second, of: first) == [7: 2, 2: 3])
        #expect(try Self.numbers(first, of: second) == [2: 7, 3: 2])
        #expect(try Self.numbers(first, of: first) == [:])
    }

    @Test func aLaterMountHidesAnEarlierOne() throws {
        let first = Self.devices([("/d/a", 3), ("/d/a", 4)], [("/d", 2)])
        let second = Self.devices([("/d/a", 5)], [("/d", 2)])
        #expect(try Self.numbers(second, of: first) == [5: 4])
    }

    /// The number of a device at several places is decided by the outermost one.
    @Test func aDeviceThatIsTheSameStaysIt() throws {
        let first = Self.devices([("/d/a", 3)], [("/d", 2)])
        let second = Self.devices([("/d/a", 2)], [("/d", 2)])
        #expect(try Self.numbers(second, of: first) == [:])
        #expect(try Self.numbers(first, of: second) == [3: 2])
    }

    @Test func eachPathHasItsOwn() throws {
        let first = Self.devices([("/", 1)], [("/a", 1), ("/b", 5)])
        let second = Self.devices([("/", 1)], [("/a", 3), ("/b", 4)])
        #expect(try Self.numbers(second, of: first) == [3: 1, 4: 5])
    }
}
