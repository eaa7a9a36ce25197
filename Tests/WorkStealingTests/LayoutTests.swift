// Which cache lines hold what: no processor waits for a line because another one writes something else on it.

@_spi(Reflection) import Swift
import Testing

@testable import WorkStealing

@Suite struct LayoutTests {
    /// The size of a cache line, in bytes.
    private static let line = 64

    /// Where each stored property of a class begins, in bytes from the beginning of the object, in order.
    private static func offsets(in type: Any.Type) -> [(name: String, offset: Int)] {
        var offsets: [(String, Int)] = []
        // 1 is `.classType`, a variable, which Swift 6 does not allow here.
        _ = _forEachField(of: type, options: _EachFieldOptions(rawValue: 1)) { name, offset, _, _ in
            offsets.append((String(cString: name), offset))
            return true
        }
        return offsets
    }

    /// What workers write while they run, and what they read at each message, are two lines or more apart.
    @Test func groupsOfTheSchedulerAreOnDifferentLines() throws {
        let groups = [
            ["id", "policy", "workers", "started", "surplus", "phase", "cancelled", "trace"], ["injector", "urgent"],
            ["idle", "joiners"], ["spawned", "guests", "cancelling", "roster"],
        ]
        let offsets = Self.offsets(in: Scheduler.self)
        // A property ends where the next one begins.
        func extent(_ name: String) throws -> Range<Int> {
            let index = try #require(offsets.firstIndex { $0.name == name }, "no property is called \(name)")
            return offsets[index].offset..<(try #require(offsets.dropFirst(index + 1).first).offset)
        }
        for (index, group) in groups.enumerated() {
            for other in groups[(index + 1)...] {
                for one in group {
                    for another in other {
                        let (left, right) = (try extent(one), try extent(another))
                        let gap = max(right.lowerBound - left.upperBound, left.lowerBound - right.upperBound)
                        #expect(gap >= Self.line, "\(one) \(left), \(another) \(right)")
                    }
                }
            }
        }
    }

    /// No line belongs to two workers, wherever malloc puts them.
    @Test func workersShareNoLine() throws {
        let offsets = Self.offsets(in: Worker.self)
        let first = try #require(offsets.dropFirst().first).offset
        let end = try #require(offsets.last)
        #expect(offsets.first?.name == "atTheBeginning" && end.name == "atTheEnd")
        let scheduler = Scheduler(threads: 64)
        var owners: [UInt: Int] = [:]
        for (index, worker) in scheduler.workers.enumerated() {
            let address = UInt(bitPattern: Unmanaged.passUnretained(worker).toOpaque())
            let parts = [
                address + UInt(first)..<address + UInt(end.offset),
                worker.deque.ringAddress..<worker.deque.ringAddress + UInt(MemoryLayout<Ring>.size),
            ]
            for part in parts {
                for line in part.lowerBound / UInt(Self.line)...(part.upperBound - 1) / UInt(Self.line) {
                    let owner = owners.updateValue(index, forKey: line)
                    #expect(owner == nil || owner == index, "\(owner ?? -1) and \(index) share a line")
                }
            }
        }
        #expect(owners.count >= 64 * 2)
    }
}
