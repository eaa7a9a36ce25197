// Arrays that grow without moving their elements. An array that doubles needs the old and the new memory while it moves
// its elements, and with a million directories that takes longer than a key may wait.

/// An array in blocks. Copies share blocks until one of them is changed.
struct BlockArray<Element: Sendable>: Sendable {
    /// All but the last one are full.
    private var blocks: [[Element]] = []
    private(set) var count = 0

    private static var shift: Int { 10 }
    private static var blockLength: Int { 1 << shift }

    mutating func append(_ element: Element) {
        if count & (Self.blockLength - 1) == 0 {
            blocks.append([])
            // There may be many small arrays.
            if count > 0 { blocks[blocks.count - 1].reserveCapacity(Self.blockLength) }
        }
        blocks[blocks.count - 1].append(element)
        count += 1
    }

    subscript(index: Int) -> Element {
        get { blocks[index >> Self.shift][index & (Self.blockLength - 1)] }
        // A setter would copy the element twice.
        _modify { yield &blocks[index >> Self.shift][index & (Self.blockLength - 1)] }
    }
}

/// Names in blocks of 64 KiB, each name in one of them.
struct NameBlocks: Sendable {
    private var blocks: [[UInt8]] = []

    private static let blockLength = 1 << 16

    /// Whether another name has a place: there may be 4 GiB of names.
    func hasRoom(for name: some Collection<UInt8>) -> Bool {
        name.count < Self.blockLength && (blocks.count < 1 << 16 || fitsIntoLast(name))
    }

    private func fitsIntoLast(_ name: some Collection<UInt8>) -> Bool {
        blocks.last.map { $0.count + name.count <= Self.blockLength } ?? false
    }

    /// - Returns: the place of the name.
    mutating func append(_ name: some Collection<UInt8>) -> UInt32 {
        precondition(hasRoom(for: name), "names have less than 4 GiB")
        if !fitsIntoLast(name) {
            blocks.append([])
            // There may be many with few names.
            if blocks.count > 1 { blocks[blocks.count - 1].reserveCapacity(Self.blockLength) }
        }
        let block = blocks.count - 1
        let start = blocks[block].count
        blocks[block].append(contentsOf: name)
        return UInt32(block) << 16 | UInt32(start)
    }

    subscript(place: UInt32, length: UInt16) -> ArraySlice<UInt8> {
        let start = Int(place & 0xFFFF)
        return blocks[Int(place >> 16)][start..<start + Int(length)]
    }
}
