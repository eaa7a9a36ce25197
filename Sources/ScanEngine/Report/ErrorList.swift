/// The first 10,000 errors by path bytes, then operation.
struct ErrorList {
    private var errors: [ScanError] = []

    static let limit = 10_000

    mutating func add(_ error: ScanError) {
        errors.append(error)
        if errors.count >= 2 * Self.limit { cut() }
    }

    mutating func merge(_ other: ErrorList) {
        for error in other.errors { add(error) }
    }

    var ranked: [ScanError] {
        var list = self
        list.cut()
        return list.errors
    }

    private mutating func cut() {
        errors.sort { left, right in
            if left.path != right.path { return left.path.lexicographicallyPrecedes(right.path) }
            return left.operation < right.operation
        }
        errors.removeLast(max(0, errors.count - Self.limit))
    }
}
