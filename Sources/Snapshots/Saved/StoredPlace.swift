import Bytes

/// The place of a row in a table that is ordered by root and key. All readers of such tables check the order: see
/// `RowOrder`.
struct StoredPlace {
    private(set) var root = Int64.min
    private(set) var key: [UInt8] = []

    func precedes(_ root: Int64, _ key: UnsafeRawBufferPointer) -> Bool {
        self.root < root || self.root == root && self.key.withUnsafeBytes { $0.precedes(key) }
    }

    func precedes(_ other: StoredPlace) -> Bool { other.key.withUnsafeBytes { precedes(other.root, $0) } }

    func isAt(_ root: Int64, _ key: UnsafeRawBufferPointer) -> Bool {
        self.root == root && self.key.withUnsafeBytes { $0.isEqual(to: key) }
    }

    /// Keeps the memory of the key.
    mutating func move(to root: Int64, _ key: UnsafeRawBufferPointer) {
        self.root = root
        self.key.removeAll(keepingCapacity: true)
        self.key.append(contentsOf: key)
    }
}
