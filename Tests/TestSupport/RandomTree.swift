/// A reproducible generator (SplitMix64, Steele et al. 2014).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

extension Tree {
    /// A tree of up to `entries` entries with odd names, hard links to anything, chains, holes and special files.
    package static func random(seed: UInt64, entries: Int, names: [ByteString]) -> Tree {
        var generator = SeededGenerator(seed: seed)
        // Each directory's nodes; a directory is put into its parent when all are drawn, so that nothing recurses.
        var contents: [[Node]] = [[]]
        var parents: [(index: Int, name: ByteString)] = [(-1, "")]
        var paths: [ByteString] = [""]
        var taken: [Set<ByteString>] = [[]]
        var linkable: [ByteString] = []
        for _ in 0..<entries {
            // The square makes some directories much larger than others.
            let fraction = Double.random(in: 0..<1, using: &generator)
            let parent = Int(fraction * fraction * Double(contents.count))
            let name = names.randomElement(using: &generator)!
            guard taken[parent].insert(name).inserted else { continue }
            let path = paths[parent].bytes.isEmpty ? name : paths[parent].appending(name)
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<5:
                contents.append([])
                parents.append((parent, name))
                paths.append(path)
                taken.append([])
                continue
            case 5..<8 where !linkable.isEmpty:
                contents[parent].append(.hardLink(name, to: linkable.randomElement(using: &generator)!))
            case 8:
                contents[parent].append(.symlink(name, to: names.randomElement(using: &generator)!))
                linkable.append(path)
            case 9:
                contents[parent].append(Bool.random(using: &generator) ? .fifo(name) : .socket(name))
                linkable.append(path)
            case 10:
                contents[parent].append(
                    .chain(name, depth: .random(in: 1...20, using: &generator), [.file("bottom", name)]))
            default:
                let size = Int64.random(in: 0...200_000, using: &generator)
                let content = [UInt8](repeating: 1, count: Int.random(in: 0...9_000, using: &generator))
                contents[parent].append(
                    .file(name, ByteString(content), size: Bool.random(using: &generator) ? size : nil))
                linkable.append(path)
            }
        }
        // A child always has a higher index than its parent.
        for index in contents.indices.dropFirst().reversed() {
            let (parent, name) = parents[index]
            contents[parent].append(.directory(name, Tree(contents[index])))
        }
        return Tree(contents[0])
    }
}
