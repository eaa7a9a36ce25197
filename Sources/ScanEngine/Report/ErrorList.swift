import Bytes
public import Entries

/// Why something could not be read: a `ScanError` without its path.
package struct ErrorCause: Equatable, Sendable {
    package var operation: String
    package var code: String
    package var message: String
}

extension ScanError {
    init(path: [UInt8], _ cause: ErrorCause) {
        self.init(path: path, operation: cause.operation, code: cause.code, message: cause.message)
    }
}

/// The error records of a report.
///
/// A path is built when its record is read: the paths of 10,000 errors at the bottom of a chain of 20,000 directories
/// take gigabytes, while the shared chain takes some megabytes.
public struct ReportedErrors: RandomAccessCollection, ExpressibleByArrayLiteral, Sendable {
    fileprivate typealias Item = (path: EntryPath, cause: ErrorCause)

    fileprivate var items: [Item] = []

    /// No errors.
    public init() {}

    /// Records from elsewhere, in their order.
    public init(_ errors: some Sequence<ScanError>) {
        items = errors.map { error in
            let path = EntryPath(directory: .root(error.path, index: 0), name: nil)
            return (path, ErrorCause(operation: error.operation, code: error.code, message: error.message))
        }
    }

    public init(arrayLiteral elements: ScanError...) { self.init(elements) }

    public var startIndex: Int { 0 }
    public var endIndex: Int { items.count }
    public subscript(index: Int) -> ScanError {
        ScanError(path: items[index].path.bytes, items[index].cause)
    }
}

/// The first 10,000 errors by path bytes, then operation.
struct ErrorList {
    private var errors = ReportedErrors()

    static let limit = 10_000

    mutating func add(_ cause: ErrorCause, at path: EntryPath) {
        errors.items.append((path, cause))
        if errors.count >= 2 * Self.limit { cut() }
    }

    mutating func merge(_ other: ErrorList) {
        for (path, cause) in other.errors.items { add(cause, at: path) }
    }

    var ranked: ReportedErrors {
        var list = self
        list.cut()
        return list.errors
    }

    private mutating func cut() {
        errors.items.sort { left, right in
            switch PathOrder.compare(left.path, right.path) {
            case .before: true
            case .after: false
            case .same: left.cause.operation < right.cause.operation
            }
        }
        errors.items.removeLast(max(0, errors.count - Self.limit))
    }
}

extension ErrorList {
    func encode(to encoder: inout PartialEncoder) {
        let items = ranked.items
        encoder.out.put(count: items.count)
        for (path, cause) in items {
            encoder.put(path)
            for text in [cause.operation, cause.code, cause.message] { encoder.out.put(string: Array(text.utf8)) }
        }
    }

    /// Adds the errors of a part.
    mutating func merge(_ decoder: inout PartialDecoder) throws(BinaryFailure) {
        for _ in 0..<(try decoder.input.count(ofAtLeast: 29)) {
            let path: EntryPath = try decoder.value()
            let cause = ErrorCause(
                operation: try decoder.text(), code: try decoder.text(), message: try decoder.text())
            add(cause, at: path)
        }
    }
}
