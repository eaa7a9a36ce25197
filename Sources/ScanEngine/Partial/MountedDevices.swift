// The numbers of devices in records of several machines.
//
// Each machine numbers the devices of its mounts itself. But the same file systems are mounted at the same places below
// the PATHs. So a device has a name that all machines know: its mount point. The first process sends its numbers by
// mount point, and the others translate theirs.

package import Bytes
import CLinux
package import Entries
import LinuxKernel

/// The devices at the PATHs, and at the mount points below.
package struct MountedDevices: Equatable, Sendable {
    private struct Place: Hashable {
        /// The number of the PATH.
        var root: Int
        /// Below it; empty for the PATH itself.
        var path: [UInt8]
    }

    private var devices: [Place: UInt64] = [:]

    /// Those of this machine. Only the PATHs are stat'ed: a mount point may be excluded because its server hangs.
    package init(_ options: ScanOptions) {
        self.init(
            mountinfo: Kernel.contents(of: Array("/proc/self/mountinfo".utf8)) ?? [],
            options.paths.map { DeviceTable.Place($0, isFollowed: options.followRoots) })
    }

    /// - Parameter places: of the PATHs; nil for one that cannot be stat'ed.
    package init(mountinfo: [UInt8], _ places: [DeviceTable.Place?]) {
        let lines = mountinfo.split(separator: UInt8(ascii: "\n")).compactMap { MountLine($0) }
        for (root, place) in places.enumerated() {
            guard let place, let device = place.device else { continue }
            // A later mount hides an earlier one at the same place.
            for line in lines {
                let point = line.mountPoint
                guard place.holds(point), point != place.path else { continue }
                devices[Place(root: root, path: Array(point[place.path.count...]))] = line.device
            }
            devices[Place(root: root, path: [])] = device
        }
    }

    /// Translates this machine's numbers into those of another one: the numbers that differ. A device of which one
    /// machine has no mount point (an automount, a btrfs subvolume) keeps its number.
    package func numbers(of other: MountedDevices) -> [UInt64: UInt64] {
        var numbers: [UInt64: UInt64] = [:]
        let places = devices.keys.sorted {
            ($0.root, $0.path.count) == ($1.root, $1.path.count)
                ? $0.path.lexicographicallyPrecedes($1.path) : ($0.root, $0.path.count) < ($1.root, $1.path.count)
        }
        for place in places {
            if let own = devices[place], let number = other.devices[place], numbers[own] == nil {
                numbers[own] = number
            }
        }
        return numbers.filter { $0.key != $0.value }
    }

    package init(from input: inout BinaryReader) throws(BinaryFailure) {
        for _ in 0..<(try input.count(ofAtLeast: 20)) {
            let root = Int(try input.number(UInt32.self))
            let path = try input.string()
            devices[Place(root: root, path: path)] = try input.number(UInt64.self)
        }
    }

    package func encode(to out: inout BinaryWriter) {
        out.put(count: devices.count)
        for (place, device) in devices {
            out.put(UInt32(place.root))
            out.put(string: place.path)
            out.put(device)
        }
    }
}

/// An output that gets entries with another machine's numbers of devices.
package final class TranslatedDevices: EntryOutput {
    private let output: any EntryOutput
    private let numbers: [UInt64: UInt64]

    package init(_ output: any EntryOutput, _ numbers: [UInt64: UInt64]) {
        (self.output, self.numbers) = (output, numbers)
    }

    package func makeStream() -> any EntryStream { Stream(output.makeStream(), numbers) }
    package var failed: Bool { output.failed }
    package var wantsState: Bool { output.wantsState }
    package var isReadMeanwhile: Bool { output.isReadMeanwhile }
    package var canBeFlushed: Bool { output.canBeFlushed }
    package var sortsAtFlush: Bool { output.sortsAtFlush }

    private final class Stream: EntryStream {
        private let stream: any EntryStream
        private let numbers: [UInt64: UInt64]
        /// Of the last entry, and its number there: most entries are on the same device as the one before.
        private var last: (own: UInt64, number: UInt64) = (0, 0)

        init(_ stream: any EntryStream, _ numbers: [UInt64: UInt64]) { (self.stream, self.numbers) = (stream, numbers) }

        func entry(
            root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus,
            content: EntryContent
        ) {
            let own = status.device
            if own != last.own { last = (own, numbers[own] ?? own) }
            stream.entry(
                root: root, path: path, kind: kind, status: status.onDevice(last.number), content: content)
        }

        func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind) {
            stream.unknownEntry(root: root, path: path, kind: kind)
        }

        func error(root: Int, _ error: ScanError) { stream.error(root: root, error) }
        func excluded(root: Int, path: UnsafeRawBufferPointer) { stream.excluded(root: root, path: path) }
        func flush() { stream.flush() }
    }
}
