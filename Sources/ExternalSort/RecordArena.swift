import CLinux

/// Records of one stream in memory, to be sorted.
///
/// Blocks instead of one array that doubles: nothing is copied, and the size is as requested.
///
/// `@unchecked Sendable`: it has one owner at a time, a stream until its flush, then the sorter.
package final class RecordArena: @unchecked Sendable {
    /// A struct, so that each record costs one exclusivity check, not one for each property.
    private var records: Records

    /// Bytes of memory in use.
    package var size: Int { records.size }
    /// How much of `size` is noted in the memory of the sorter: see `RecordSorter.makeRoom`.
    var noted: Int {
        get { records.noted }
        set { records.noted = newValue }
    }
    /// Both with one exclusivity check.
    var sizes: (used: Int, noted: Int) { records.sizes }
    package var count: Int { records.slots.count }
    package var isEmpty: Bool { records.slots.isEmpty }
    /// Bytes of all records.
    var recordBytes: Int { records.recordBytes }

    package init() { records = Records(nil) }

    /// - Parameter blocks: of a sorter: see `RecordSorter.makeArena()`.
    init(_ blocks: BlockPool) { records = Records(blocks) }

    package subscript(index: Int) -> SortRecord { records.slots[index].record }

    /// Nil behind the last one.
    func record(at index: Int) -> SortRecord? { records.record(at: index) }

    package func append(root: Int, path: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer) {
        records.append(root: root, path: path, line: line)
    }

    /// Copies records that another process has passed on.
    ///
    /// - Returns: false if the bytes are not whole records.
    package func append(records bytes: UnsafeRawBufferPointer) -> Bool { records.append(records: bytes) }

    /// Calls `body` with the bytes of all records, in the order of the arena.
    func withRecords(_ body: (UnsafeRawBufferPointer) -> Void) { records.withAll(body) }

    package func sort() { records.sort() }

    /// Forgets all records. Their blocks go back to the pool; without one they stay for the next records.
    func removeAll() { records.removeAll() }
}

private struct Records: ~Copyable {
    private let pool: BlockPool?
    private var blocks: [UnsafeMutableRawBufferPointer] = []
    /// Records longer than a block; each has its own memory.
    private var longRecords: [UnsafeMutableRawBufferPointer] = []
    /// The block that is being filled, and the bytes used of it.
    private var block = -1
    private var position = BlockPool.blockSize
    private(set) var slots: [Slot] = []
    private(set) var size = 0
    var noted = 0
    var sizes: (used: Int, noted: Int) { (size, noted) }
    private(set) var recordBytes = 0

    init(_ pool: BlockPool?) { self.pool = pool }

    /// A record, and eight bytes of its key: see `sort()`.
    struct Slot {
        var prefix: UInt64 = 0
        /// In a block or in `longRecords`: both stay where they are until `removeAll()`.
        let record: SortRecord
    }

    deinit {
        for block in blocks { block.deallocate() }
        for record in longRecords { record.deallocate() }
    }

    /// The next ones will be wanted, too: sorted records lie anywhere in memory.
    func record(at index: Int) -> SortRecord? {
        if index + 3 < slots.count { clinux_prefetch(slots[index + 3].record.base) }
        return index < slots.count ? slots[index].record : nil
    }

    mutating func append(root: Int, path: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer) {
        let length = SortRecord.length(path: path.count, line: line.count)
        let target = memory(length)
        SortRecord.write(root: root, path: path, line: line, to: target)
        add(SortRecord(at: target), length)
    }

    mutating func append(records bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let record = SortRecord(in: UnsafeRawBufferPointer(rebasing: rest)) else { return false }
            let length = record.length
            let target = memory(length)
            target.copyMemory(from: record.base, byteCount: length)
            add(SortRecord(at: target), length)
            rest = rest.dropFirst(length)
        }
        return true
    }

    private mutating func add(_ record: SortRecord, _ length: Int) {
        slots.append(Slot(record: record))
        // The array of slots doubles, so it may take twice its size.
        size += 2 * MemoryLayout<Slot>.stride
        recordBytes += length
    }

    func withAll(_ body: (UnsafeRawBufferPointer) -> Void) {
        let all = UnsafeMutableRawBufferPointer.allocate(byteCount: recordBytes, alignment: 1)
        defer { all.deallocate() }
        var offset = 0
        for slot in slots {
            let bytes = slot.record.bytes
            UnsafeMutableRawBufferPointer(rebasing: all[offset...]).copyMemory(from: bytes)
            offset += bytes.count
        }
        body(UnsafeRawBufferPointer(all))
    }

    private mutating func memory(_ length: Int) -> UnsafeMutableRawPointer {
        if length > BlockPool.blockSize {
            let record = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 1)
            longRecords.append(record)
            size += length
            return record.baseAddress!
        }
        if BlockPool.blockSize - position < length {
            block += 1
            if block == blocks.count { blocks.append(pool?.take() ?? BlockPool.allocate()) }
            position = 0
            size += BlockPool.blockSize
        }
        defer { position += length }
        return blocks[block].baseAddress! + position
    }

    /// Compares eight bytes at a time as one number. Records whose keys are equal up to there are a group: they are
    /// sorted by the eight bytes that follow what all keys of the group have in common. So a key is looked at once for
    /// each group that it is in, and not once for each comparison, which would wait for memory most of the time.
    mutating func sort() {
        if slots.isEmpty { return }
        slots.withUnsafeMutableBufferPointer { slots in
            var groups = [Group(slots: 0..<slots.count, common: 0)]
            while let group = groups.popLast() {
                var members = UnsafeMutableBufferPointer(rebasing: slots[group.slots])
                if group.hasEndedKey(members) {
                    members.sort { $0.record < $1.record }
                    continue
                }
                let common = group.extended(members)
                for index in members.indices { members[index].prefix = members[index].record.prefix(at: common) }
                members.sort { $0.prefix < $1.prefix }
                var start = 0
                while start < members.count {
                    var end = start + 1
                    while end < members.count, members[end].prefix == members[start].prefix { end += 1 }
                    if end - start > Group.fewest {
                        let first = group.slots.lowerBound + start
                        groups.append(Group(slots: first..<first + end - start, common: common + 8))
                    } else if end - start > 1 {
                        var equal = UnsafeMutableBufferPointer(rebasing: members[start..<end])
                        equal.sort { $0.record < $1.record }
                    }
                    start = end
                }
            }
        }
    }

    /// Slots next to each other whose keys have the same first bytes. Beyond its end a key counts as NUL.
    private struct Group {
        let slots: Range<Int>
        /// The number of bytes that are known to be the same.
        let common: Int

        /// So few are compared as a whole.
        static let fewest = 8

        /// Then equal bytes may hide a difference: one key ends, another one goes on with NULs.
        func hasEndedKey(_ members: UnsafeMutableBufferPointer<Slot>) -> Bool {
            for index in members.indices {
                if index + 8 < members.count { clinux_prefetch(members[index + 8].record.base) }
                if members[index].record.keyLength < common { return true }
            }
            return false
        }

        /// The number of bytes that all keys have in common.
        func extended(_ members: UnsafeMutableBufferPointer<Slot>) -> Int {
            let first = members[0].record.key
            var end = first.count
            for member in members {
                let key = member.record.key
                let limit = min(end, key.count)
                end = common
                while end + 8 <= limit, Self.word(key, end) == Self.word(first, end) { end += 8 }
                while end < limit, key[end] == first[end] { end += 1 }
            }
            return end
        }

        private static func word(_ key: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
            key.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
    }

    mutating func removeAll() {
        for record in longRecords { record.deallocate() }
        longRecords = []
        slots.removeAll(keepingCapacity: pool == nil)
        if let pool {
            pool.give(blocks)
            blocks = []
        }
        block = -1
        position = BlockPool.blockSize
        (size, noted) = (0, 0)
        recordBytes = 0
    }
}
