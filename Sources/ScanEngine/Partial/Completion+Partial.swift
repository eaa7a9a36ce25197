import Bytes
import Entries
import LinuxKernel

/// A part has no outputs, so states of entries (`EntryFingerprint`) are not included.
extension Completion: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.put(subtotal)
        encoder.put(trees: tree.map { [$0] } ?? [])
        encoder.put(trees: trees)
        encoder.put(content)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        subtotal = try decoder.value()
        let own = try decoder.trees()
        guard own.count <= 1 else { throw BinaryFailure("has several nodes for a directory") }
        tree = own.first
        trees = try decoder.trees()
        content = try decoder.value()
    }
}

extension Completion.Content: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        switch self {
        case .none: encoder.out.put(UInt8(0))
        case .entry(let name, let mode, let row, _):
            encoder.out.put(UInt8(1))
            encoder.out.put(string: name)
            encoder.out.put(mode)
            encoder.put(string: row)
        case .slice(let digests, _, let isOpen):
            encoder.out.put(UInt8(2))
            encoder.put(digests)
            encoder.out.put(isOpen)
        case .elsewhere: encoder.out.put(UInt8(3))
        }
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        switch try decoder.input.number(UInt8.self) {
        case 0: self = .none
        case 1:
            let name = try decoder.input.string()
            let mode = try decoder.input.number(UInt32.self)
            guard EntryKind(mode: mode) != nil else { throw BinaryFailure("has an entry of unknown kind") }
            self = .entry(name: name, mode: mode, row: try decoder.row(), state: nil)
        case 2: self = .slice(digests: try decoder.optional(), states: nil, isOpen: try decoder.input.bool())
        case 3: self = .elsewhere
        default: throw BinaryFailure("has an answer of unknown kind")
        }
    }
}

/// An accumulator that waits for other parts, as kept by the part that has the rest.
extension SubtreeAccumulator: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.put(subtotal)
        encoder.put(digests)
        encoder.put(trees: trees)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        subtotal = try decoder.value()
        digests = try decoder.optional()
        add(trees: try decoder.trees())
    }
}

// MARK: Trees

extension PartialEncoder {
    /// Children before their directory, which says how many there are. So nothing recurses here, and the reader needs
    /// only a stack.
    mutating func put(trees: [TreeNode]) {
        out.put(count: trees.count)
        for tree in trees {
            var count = 0
            var records = BinaryWriter()
            // Each directory before its children, the last child first; then reversed.
            var order: [TreeNode] = []
            var open = [tree]
            while let node = open.popLast() {
                order.append(node)
                open.append(contentsOf: node.children ?? [])
            }
            for node in order.reversed() {
                records.put(string: node.name)
                var totals = PartialEncoder()
                totals.put(node.totals)
                records.put(raw: totals.out.bytes)
                Self.put(node.digests, &records)
                records.put(node.children != nil)
                if let children = node.children { records.put(count: children.count) }
                count += 1
            }
            out.put(count: count)
            out.put(raw: records.bytes)
        }
    }

    mutating func put(digests: [NamedDigest]?) { Self.put(digests, &out) }

    private static func put(_ digests: [NamedDigest]?, _ out: inout BinaryWriter) {
        out.put(digests != nil)
        guard let digests else { return }
        out.put(count: digests.count)
        for digest in digests {
            out.put(string: digest.algorithm.utf8)
            out.put(string: digest.hex.utf8)
        }
    }
}

extension PartialDecoder {
    mutating func trees() throws(BinaryFailure) -> [TreeNode] {
        var trees: [TreeNode] = []
        for _ in 0..<(try input.count(ofAtLeast: 8)) {
            var waiting: [TreeNode] = []
            for _ in 0..<(try input.count(ofAtLeast: 114)) {
                let name = try input.string()
                let totals: Totals = try value()
                let digests = try namedDigests()
                var children: [TreeNode]?
                if try input.bool() {
                    let count = try input.number(UInt64.self)
                    guard count <= UInt64(waiting.count) else { throw BinaryFailure("has a tree without its children") }
                    children = Array(waiting[(waiting.count - Int(count))...])
                    waiting.removeLast(Int(count))
                }
                waiting.append(TreeNode(name: name, totals: totals, digests: digests, children: children))
            }
            guard waiting.count == 1 else { throw BinaryFailure("has a tree without its root") }
            trees.append(waiting[0])
        }
        return trees
    }

    mutating func namedDigests() throws(BinaryFailure) -> [NamedDigest]? {
        guard try input.bool() else { return nil }
        var digests: [NamedDigest] = []
        for _ in 0..<(try input.count(ofAtLeast: 16)) {
            digests.append(NamedDigest(algorithm: try text(), hex: try text()))
        }
        return digests
    }
}
