// Decides which nodes may start. A plan is a value without tasks, clocks or locks: events go in (a node has ended), and
// decisions come out (these nodes may start). `TaskGraph.run()` carries them out. Tests play them in virtual time.

import WorkStealing

/// The scheduling state of one run: which nodes wait, are ready, run or have ended.
struct Plan {
    private enum State {
        case waiting(for: Int)
        case ready, running, ended
    }

    /// Ready nodes that need the same resources, best first. A missing resource holds up all of them.
    private struct Bucket {
        let resources: [Int]
        var ready = ReadyQueue()
    }

    private let nodes: [TaskGraph.Definition]
    private let maxConcurrency: Int
    /// Each node's own priority plus the priorities of all its direct and indirect dependents.
    let priorities: [Int]
    /// All resources of the graph, each once.
    let resources: [LimitedResource]

    private var states: [State]
    private var buckets: [Bucket] = []
    private let bucketOfNode: [Int]
    private var running = 0
    private var isExclusive = false
    private(set) var unfinished: Int
    /// Resources that kept a node from starting in the last call of `start`.
    private(set) var lacking: Set<Int> = []

    /// - Parameter threads: the limit on running nodes if the graph has none of its own.
    init(_ graph: TaskGraph, threads: Int = .max) {
        nodes = graph.nodes
        maxConcurrency = graph.maxConcurrency ?? threads
        unfinished = nodes.count { $0.isIncluded }
        priorities = CompoundPriorities(graph.nodes).sums
        states = graph.nodes.map { $0.isIncluded ? .waiting(for: $0.needs.count) : .ended }
        var resources: [LimitedResource] = []
        var numbers: [ObjectIdentifier: Int] = [:]
        var bucketNumbers: [[Int]: Int] = [:]
        bucketOfNode = graph.nodes.map { node in
            let needed = node.resources.map { resource in
                numbers[ObjectIdentifier(resource)]
                    ?? {
                        resources.append(resource)
                        numbers[ObjectIdentifier(resource)] = resources.count - 1
                        return resources.count - 1
                    }()
            }.sorted()
            return bucketNumbers[needed]
                ?? {
                    bucketNumbers[needed] = bucketNumbers.count
                    return bucketNumbers.count - 1
                }()
        }
        self.resources = resources
        buckets = bucketNumbers.sorted { $0.value < $1.value }.map { Bucket(resources: $0.key) }
        for node in nodes.indices where nodes[node].isIncluded && nodes[node].needs.isEmpty { makeReady(node) }
    }

    // MARK: Decisions

    /// Chooses the nodes that start now.
    ///
    /// - Parameters:
    ///   - take: takes a token of that resource, if one is free. The node holds it until it has ended.
    ///   - giveBack: returns a token that the node cannot use yet, because another resource is missing.
    mutating func start(take: (Int) -> Bool, giveBack: (Int) -> Void) -> [Int] {
        var starting: [Int] = []
        lacking = []
        // Buckets that lack a resource. This call does not try them again, even if a token comes back meanwhile.
        var heldUp = Set<Int>()
        while running < maxConcurrency, !isExclusive, let (bucket, node) = best(outside: heldUp) {
            // Nothing may overtake an exclusive node, or it could starve: later nodes wait until the running ones have
            // ended.
            if nodes[node].isExclusive && running > 0 { break }
            if let missing = firstMissing(of: buckets[bucket].resources, take: take, giveBack: giveBack) {
                lacking.insert(missing)
                heldUp.insert(bucket)
                continue
            }
            _ = buckets[bucket].ready.popFirst()
            states[node] = .running
            running += 1
            isExclusive = nodes[node].isExclusive
            starting.append(node)
        }
        return starting
    }

    private func best(outside heldUp: Set<Int>) -> (bucket: Int, node: Int)? {
        var best: (bucket: Int, entry: ReadyQueue.Entry)?
        for (bucket, candidate) in buckets.enumerated() where !heldUp.contains(bucket) {
            guard let entry = candidate.ready.first else { continue }
            if best.map({ entry.goesBefore($0.entry) }) ?? true { best = (bucket, entry) }
        }
        return best.map { ($0.bucket, $0.entry.node) }
    }

    private func firstMissing(of needed: [Int], take: (Int) -> Bool, giveBack: (Int) -> Void) -> Int? {
        for (position, resource) in needed.enumerated() where !take(resource) {
            for taken in needed[..<position] { giveBack(taken) }
            return resource
        }
        return nil
    }

    // MARK: Events

    /// A node has returned. Nodes that waited only for it become ready.
    mutating func succeeded(_ node: Int) {
        leave(node)
        for dependent in nodes[node].dependents {
            guard case .waiting(let count) = states[dependent] else { continue }
            states[dependent] = .waiting(for: count - 1)
            if count == 1 { makeReady(dependent) }
        }
    }

    /// A node has thrown.
    ///
    /// - Returns: its direct and indirect dependents, which will never run, in the order of the graph.
    mutating func failed(_ node: Int) -> [Int] {
        leave(node)
        var skipped: [Int] = []
        var unvisited = nodes[node].dependents
        while let dependent = unvisited.popLast() {
            guard case .waiting = states[dependent] else { continue }
            states[dependent] = .ended
            unfinished -= 1
            skipped.append(dependent)
            unvisited += nodes[dependent].dependents
        }
        return skipped.sorted()
    }

    /// Ends every node that has not started.
    ///
    /// - Returns: these nodes.
    mutating func cancel() -> [Int] {
        var cancelled: [Int] = []
        for node in nodes.indices {
            switch states[node] {
            case .waiting, .ready:
                states[node] = .ended
                unfinished -= 1
                cancelled.append(node)
            case .running, .ended: break
            }
        }
        for bucket in buckets.indices { buckets[bucket].ready = ReadyQueue() }
        lacking = []
        return cancelled
    }

    /// The resources that a node holds while it runs.
    func resources(of node: Int) -> [Int] { buckets[bucketOfNode[node]].resources }

    private mutating func leave(_ node: Int) {
        guard case .running = states[node] else { preconditionFailure("a node ended that was not running") }
        states[node] = .ended
        running -= 1
        unfinished -= 1
        isExclusive = false
    }

    private mutating func makeReady(_ node: Int) {
        states[node] = .ready
        buckets[bucketOfNode[node]].ready.insert(ReadyQueue.Entry(priority: priorities[node], node: node))
    }
}

/// A priority queue of ready nodes, as a binary heap. Of equal priorities, the node added to the graph first wins.
struct ReadyQueue {
    struct Entry {
        let priority: Int
        let node: Int

        func goesBefore(_ other: Entry) -> Bool {
            priority != other.priority ? priority > other.priority : node < other.node
        }
    }

    private var heap: [Entry] = []

    var first: Entry? { heap.first }

    mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].goesBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func popFirst() -> Entry? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var best = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].goesBefore(heap[best])
            {
                best = child
            }
            if best == parent { return first }
            heap.swapAt(parent, best)
            parent = best
        }
    }
}
