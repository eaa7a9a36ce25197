// How a tree is cut, and everything else that the parts of a scan must agree on: the options, the PATHs, and the start.
//
//   "fsscanPN" │ version │ version of fsscan │ start │ PATHs │ options │ shards │ cuts, each with its shard
//
// The bytes are the plan: partial results contain them, and results of two plans are never merged.

package import Bytes
package import Entries
import LinuxKernel

package struct ScanPlan: Sendable {
    /// Everything that determines the report. Each process sets its own `threads`.
    package let options: ScanOptions
    package let version: String
    /// Its start is that of the whole scan.
    package let start: Timing
    package let shards: Int
    package let cuts: [(path: CutPath, shard: Int)]
    package let bytes: [UInt8]

    private static let magic = Array("fsscanPN".utf8)
    private static let format: UInt32 = 1
    package static let mostShards = 1_000_000

    /// The reference time for ages, in all parts.
    var now: FileTime {
        options.now ?? FileTime(seconds: start.startedSeconds, nanoseconds: start.startedNanoseconds)
    }

    /// Whether a scan with these options would be the same one.
    package func isFor(_ options: ScanOptions) -> Bool {
        func kept(_ options: ScanOptions) -> [UInt8] {
            var out = BinaryWriter()
            options.encode(to: &out)
            return out.bytes
        }
        return options.paths == self.options.paths && kept(options) == kept(self.options)
    }

    /// For a part of the scan.
    func options(threads: Int) -> ScanOptions {
        var options = options
        (options.threads, options.now) = (threads, now)
        // For the summary, which has a tree; the same length as in a scan by one process.
        if options.top > 0 {
            options.map.length = max(64, 4 * options.top)
            options.map.hasFiles = false
        }
        return options
    }

    /// - Parameter shard: from 1.
    package func part(_ shard: Int) -> ScanPart {
        let isTrunk = shard == 1
        let own = cuts.filter { $0.shard == shard }.map(\.path)
        let others = cuts.filter { $0.shard != shard }.map(\.path)
        return ScanPart(
            holes: isTrunk ? Holes(others, below: options.paths) : nil, hasTrunk: isTrunk, borrowed: isTrunk ? [] : own)
    }

    // MARK: Making

    /// Scans the upper levels of the tree.
    ///
    /// - Parameters:
    ///   - options: of the scan.
    ///   - shards: 1 or more.
    ///   - version: of the program.
    package init(_ options: ScanOptions, shards: Int, version: String) {
        let places = TreeCut(options, atLeast: shards == 1 ? 0 : shards * Self.cutsPerShard).places
        // Dealt in turn: neighbours are alike, so each shard has some of each kind.
        let cuts = places.enumerated().map { (path: $1, shard: $0 % shards + 1) }
        self.init(options, shards: shards, version: version, start: .now, cuts: cuts)
    }

    /// The size of a directory is unknown before it is scanned: many small cuts balance out.
    private static let cutsPerShard = 16

    private init(
        _ options: ScanOptions, shards: Int, version: String, start: Timing, cuts: [(path: CutPath, shard: Int)]
    ) {
        (self.options, self.shards, self.version, self.start, self.cuts) = (options, shards, version, start, cuts)
        var out = BinaryWriter()
        out.put(raw: Self.magic)
        out.put(Self.format)
        out.put(string: version.utf8)
        out.put(start.startedSeconds)
        out.put(start.startedNanoseconds)
        out.put(count: options.paths.count)
        for path in options.paths { out.put(string: path) }
        options.encode(to: &out)
        out.put(UInt32(shards))
        out.put(count: cuts.count)
        for (path, shard) in cuts {
            path.encode(to: &out)
            out.put(UInt32(shard))
        }
        bytes = out.bytes
    }

    // MARK: Reading

    package init(_ bytes: [UInt8]) throws(BinaryFailure) {
        self.bytes = bytes
        var input = BinaryReader(bytes)
        guard input.left >= Self.magic.count, try input.raw(Self.magic.count) == Self.magic else {
            throw BinaryFailure("is not a plan of fsscan")
        }
        let format = try input.number(UInt32.self)
        guard format == Self.format else {
            throw BinaryFailure("has format \(format), and this program reads \(Self.format)")
        }
        version = String(decoding: try input.string(), as: UTF8.self)
        var start = Timing()
        start.startedSeconds = try input.number()
        start.startedNanoseconds = try input.number()
        guard (0..<1_000_000_000).contains(start.startedNanoseconds) else { throw BinaryFailure("has no start") }
        self.start = start
        var paths: [[UInt8]] = []
        for _ in 0..<(try input.count(ofAtLeast: 8)) {
            let path = try input.string()
            if path.contains(0) { throw BinaryFailure("has an impossible PATH") }
            paths.append(path)
        }
        guard !paths.isEmpty else { throw BinaryFailure("has no PATH") }
        var options = ScanOptions(paths: paths, threads: 1)
        try options.read(from: &input)
        self.options = options
        let shards = Int(try input.number(UInt32.self))
        guard (1...Self.mostShards).contains(shards) else { throw BinaryFailure("has an impossible number of shards") }
        self.shards = shards
        var cuts: [(path: CutPath, shard: Int)] = []
        for _ in 0..<(try input.count(ofAtLeast: 25)) {
            let path = try CutPath(from: &input, roots: paths.count)
            let shard = Int(try input.number(UInt32.self))
            guard (1...shards).contains(shard) else { throw BinaryFailure("has a cut for an unknown shard") }
            cuts.append((path, shard))
        }
        self.cuts = cuts
        try input.end()
    }
}

extension CutPath {
    func encode(to out: inout BinaryWriter) {
        out.put(UInt32(root))
        out.put(count: names.count)
        for name in names { out.put(string: name) }
    }

    /// - Parameter roots: how many PATHs there are.
    init(from input: inout BinaryReader, roots: Int) throws(BinaryFailure) {
        let root = Int(try input.number(UInt32.self))
        guard root < roots else { throw BinaryFailure("has a PATH too many") }
        var names: [[UInt8]] = []
        for _ in 0..<(try input.count(ofAtLeast: 9)) { names.append(try input.fileName()) }
        guard !names.isEmpty else { throw BinaryFailure("has a cut at a PATH itself") }
        self.init(root: root, names: names)
    }
}

// MARK: Options

extension ScanOptions {
    /// Those that determine the report, each after its name.
    func encode(to out: inout BinaryWriter) {
        out.put(count: KeptOption.all.count)
        for option in KeptOption.all {
            out.put(string: "\(option.name)".utf8)
            switch option.value {
            case .flag(let flag, _): out.put(self[keyPath: flag])
            case .bytes(let bytes, _): out.put(self[keyPath: bytes])
            case .count(let count): out.put(Int64(self[keyPath: count]))
            case .algorithms(let algorithms):
                let names = self[keyPath: algorithms].map(\.rawValue)
                out.put(count: names.count)
                for name in names { out.put(string: name.utf8) }
            case .patterns(let patterns):
                out.put(count: self[keyPath: patterns].count)
                for pattern in self[keyPath: patterns] { out.put(string: pattern) }
            // Parts always contain all entries: a plan cannot have a selection.
            case .selection: break
            case .ranking(let ranking): out.put(string: self[keyPath: ranking].rawValue.utf8)
            case .time(let time):
                out.put(self[keyPath: time] != nil)
                if let time = self[keyPath: time] {
                    out.put(time.seconds)
                    out.put(time.nanoseconds)
                }
            }
        }
    }

    mutating func read(from input: inout BinaryReader) throws(BinaryFailure) {
        guard try input.count(ofAtLeast: 9) == KeptOption.all.count else {
            throw BinaryFailure("has options of another version of fsscan")
        }
        for option in KeptOption.all {
            guard try input.string().elementsEqual("\(option.name)".utf8) else {
                throw BinaryFailure("has options of another version of fsscan")
            }
            switch option.value {
            case .flag(let flag, _): self[keyPath: flag] = try input.bool()
            case .bytes(let bytes, _): self[keyPath: bytes] = try input.size()
            case .count(let count):
                let number = Int(try input.size())
                guard KeptOption.counts.contains(number) else { throw BinaryFailure("has a number out of its range") }
                self[keyPath: count] = number
            case .algorithms(let algorithms):
                var known: [DigestAlgorithm] = []
                for _ in 0..<(try input.count(ofAtLeast: 8)) {
                    let name = String(decoding: try input.string(), as: UTF8.self)
                    guard let algorithm = DigestAlgorithm(rawValue: name) else {
                        throw BinaryFailure("has an unknown digest")
                    }
                    known.append(algorithm)
                }
                self[keyPath: algorithms] = known
            case .patterns(let patterns):
                var globs: [[UInt8]] = []
                for _ in 0..<(try input.count(ofAtLeast: 8)) { globs.append(try input.string()) }
                self[keyPath: patterns] = globs
            case .selection: break
            case .ranking(let ranking):
                guard let known = Ranking(rawValue: String(decoding: try input.string(), as: UTF8.self)) else {
                    throw BinaryFailure("has an unknown ranking")
                }
                self[keyPath: ranking] = known
            case .time(let time):
                guard try input.bool() else { continue }
                let known = FileTime(seconds: try input.number(), nanoseconds: try input.number())
                guard (0..<1_000_000_000).contains(known.nanoseconds) else {
                    throw BinaryFailure("has an impossible time")
                }
                self[keyPath: time] = known
            }
        }
    }
}

extension BinaryReader {
    /// A valid name of a directory; not one of the two that lead out of the tree.
    mutating func fileName() throws(BinaryFailure) -> [UInt8] {
        let name = try string()
        let isName = !name.isEmpty && !name.contains(0) && !name.contains(UInt8(ascii: "/"))
        guard isName, name != Array(".".utf8), name != Array("..".utf8) else {
            throw BinaryFailure("has an impossible file name")
        }
        return name
    }

    fileprivate mutating func size() throws(BinaryFailure) -> Int64 {
        let size = try number(Int64.self)
        guard size >= 0 else { throw BinaryFailure("has a negative number") }
        return size
    }
}
