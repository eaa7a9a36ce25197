// Draws a graph in Graphviz' DOT language; `dot -Tsvg` renders it.

import WorkStealing

extension TaskGraph {
    /// The graph in the DOT language; for a subgraph, only its nodes. An arrow goes from a node to each node that waits
    /// for it. Exclusive nodes have a double border. Resources are listed below the name.
    public var graphviz: String { graphviz { _ in [] } }

    /// - Parameter facts: further lines below a node's name.
    func graphviz(facts: (Int) -> [String]) -> String {
        var lines = ["digraph {", "    node [shape=box];"]
        for (index, node) in nodes.enumerated() where node.isIncluded {
            var text = [node.name]
            if !node.resources.isEmpty { text.append(node.resources.map(\.name).joined(separator: ", ")) }
            let label = (text + facts(index)).map(Self.escaped).joined(separator: "\\n")
            lines.append("    n\(index) [label=\"\(label)\"\(node.isExclusive ? ", peripheries=2" : "")];")
        }
        for (index, node) in nodes.enumerated() {
            for need in node.needs { lines.append("    n\(need) -> n\(index);") }
        }
        return (lines + ["}", ""]).joined(separator: "\n")
    }

    /// In a label, a backslash starts an escape.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\", "\"": escaped += "\\\(character)"
            case "\n", "\r", "\r\n": escaped += "\\n"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}

extension Report {
    /// The graph after its run. Each node shows the time it took, or that it failed, was skipped or was cancelled.
    public var graphviz: String {
        graph.graphviz { node in
            switch results.outcomes[node] {
            case .succeeded: [milliseconds(node)]
            case .failed: spans[node] == nil ? ["cancelled"] : [milliseconds(node), "failed"]
            case .skipped: ["skipped"]
            case nil: []
            }
        }
    }

    private func milliseconds(_ node: Int) -> String {
        guard let span = spans[node] else { return "" }
        return "\((span.ended - span.started) / .milliseconds(1)) ms"
    }
}
