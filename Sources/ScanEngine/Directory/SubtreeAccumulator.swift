import Entries
import WorkStealing

/// The report of a child or a slice when it is done.
struct Completion: Sendable {
    var subtotal: Subtotal
    /// Of a directory that is in the report's tree.
    var tree: TreeNode?
    /// Of a slice: the tree nodes of its child directories.
    var trees: [TreeNode] = []
    var content = Content.none

    /// The contribution to the digest of the directory above.
    enum Content: Sendable {
        /// Nothing: no digests are requested, or there is no such entry.
        case none
        /// One entry; `row` is nil if its digests are not known, `state` if its state is not.
        case entry(name: [UInt8], mode: UInt32, row: [UInt8]?, state: [UInt8]?)
        /// All entries of a slice; `isOpen` if one of them is answered elsewhere.
        indirect case slice(digests: TreeDigest?, states: TreeDigest?, isOpen: Bool)
        /// It cannot complete here: something at or below is answered elsewhere. The subtotal is empty.
        case elsewhere
    }

    /// The digests of the one entry.
    var row: [UInt8]? {
        if case .entry(_, _, let row, _) = content { row } else { nil }
    }
}

/// The waiter for a subtotal: an actor here, or the process that lent the directory.
enum Waiter: Sendable {
    case directory(Directory)
    case slice(EntrySlice)
    case path(RootScan)
    case elsewhere(BorrowedPlace)
    case nobody

    /// The directory to which the names are relative.
    var directory: Directory? {
        switch self {
        case .directory(let directory): directory
        case .slice(let slice): slice.directory
        case .elsewhere(let place): place.directory
        case .path, .nobody: nil
        }
    }

    func receive(_ completion: Completion) {
        switch self {
        case .directory(let directory): directory.send { $0.completed(completion) }
        case .slice(let slice): slice.send { $0.completed(completion) }
        case .path(let path): path.send { $0.completed(completion) }
        case .elsewhere(let place): place.receive(completion)
        case .nobody: preconditionFailure("a directory completes once")
        }
    }
}

/// The results collected so far by an actor that waits for others.
struct SubtreeAccumulator: Sendable {
    var subtotal = Subtotal()
    /// False if the name turned out to be something else when it was opened.
    var isDirectory = true
    /// Whether an entry is answered elsewhere: then this is kept, and completes when all parts of the scan are merged.
    var isOpen = false
    /// The digests of the entries; nil if none are requested.
    var digests: TreeDigest?
    /// The states of the entries (`EntryFingerprint`); nil if none are requested.
    var states: TreeDigest?
    private(set) var trees: [TreeNode] = []
    private var pending = 0
    private var isListed = false

    var isComplete: Bool { isListed && pending == 0 }

    /// Call it before anything is collected; later calls change nothing.
    mutating func prepare(_ context: ScanContext) {
        if digests != nil || states != nil { return }
        // A directory's digests cover all of its contents.
        if context.selector == nil, context.sizesMet == nil, let content = context.content, !content.set.isEmpty {
            digests = TreeDigest(content.set)
        }
        if let methods = context.stateMethods { states = TreeDigest(methods.set) }
    }

    mutating func willWait() { pending += 1 }

    mutating func listingDone() { isListed = true }

    mutating func add(_ completion: Completion, _ devices: borrowing DeviceTable, _ tallies: inout Tallies) {
        pending -= 1
        subtotal.add(completion.subtotal, devices, &tallies)
        if let tree = completion.tree { trees.append(tree) }
        trees.append(contentsOf: completion.trees)
        switch completion.content {
        case .none: break
        case .entry(let name, let mode, let row, let state):
            name.withUnsafeBytes { addDigests(of: $0, mode, row, state: state) }
        case .slice(let more, let moreStates, let isOpen):
            if let more { digests?.merge(more) }
            if let moreStates { states?.merge(moreStates) }
            if isOpen { self.isOpen = true }
        case .elsewhere: isOpen = true
        }
    }

    /// - Parameter row: nil if the digests of the entry are not known.
    mutating func addDigests(of name: UnsafeRawBufferPointer, _ mode: UInt32, _ row: [UInt8]?, state: [UInt8]?) {
        if let state {
            states?.append(name: name, mode: mode, row: state)
        } else {
            states?.appendUnknown()
        }
        if let row {
            digests?.append(name: name, mode: mode, row: row)
        } else {
            digests?.appendUnknown()
        }
    }

    mutating func add(trees more: [TreeNode]) { trees.append(contentsOf: more) }

    mutating func takeTrees() -> [TreeNode] {
        defer { trees = [] }
        return trees
    }

    mutating func sortedChildren() -> [TreeNode] {
        takeTrees().sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}
