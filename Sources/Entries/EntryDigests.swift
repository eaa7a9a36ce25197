/// The digests of an entry, by algorithm: one or two, seldom more. A search through them costs a few comparisons; a
/// `Dictionary` computed a hash for each, which was a tenth of the instructions of `verify --quick`.
package struct EntryDigests: Sendable {
    package struct Item: Equatable, Sendable {
        package let algorithm: DigestAlgorithm
        /// Raw.
        package var digest: [UInt8]
    }

    package private(set) var items: [Item] = []

    package init() {}

    package var isEmpty: Bool { items.isEmpty }
    package var algorithms: [DigestAlgorithm] { items.map(\.algorithm) }

    /// Nil: there is none.
    package subscript(algorithm: DigestAlgorithm) -> [UInt8]? {
        get {
            for item in items where item.algorithm == algorithm { return item.digest }
            return nil
        }
        set {
            let place = items.firstIndex { $0.algorithm == algorithm }
            switch (place, newValue) {
            case (let place?, let digest?): items[place].digest = digest
            case (let place?, nil): items.remove(at: place)
            case (nil, let digest?): items.append(Item(algorithm: algorithm, digest: digest))
            case (nil, nil): break
            }
        }
    }
}

extension EntryDigests: Equatable {
    /// In any order.
    package static func == (left: EntryDigests, right: EntryDigests) -> Bool {
        left.items.count == right.items.count && left.items.allSatisfy { right[$0.algorithm] == $0.digest }
    }
}

extension EntryDigests: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (DigestAlgorithm, [UInt8])...) {
        for (algorithm, digest) in elements { self[algorithm] = digest }
    }
}
