import TestSupport
import Testing

@testable import Formats

@Suite struct RootIndexTests {
    private func index(_ roots: [String]) -> RootIndex {
        RootIndex(roots.enumerated().map { (root: $0.offset, path: Array($0.element.utf8)) })
    }

    /// A root contains the root itself, with or without a slash, and everything that continues it after a slash.
    private func contains(_ root: String, _ path: String) -> Bool {
        let closed = root.hasSuffix("/") ? root : root + "/"
        return (path.hasSuffix("/") ? path : path + "/").hasPrefix(closed)
    }

    @Test func aRootContainsItselfAndEntriesBelow() {
        let roots = index(["/usr", "/usr/lib/", "tree", "/", "/usr/lib", "tree"])
        #expect(roots.all(containing: Array("/usr/lib/x".utf8)) == [0, 1, 3, 4])
        #expect(roots.first(containing: Array("/usr/lib/x".utf8)) == 0)
        #expect(roots.all(containing: Array("/usr/library".utf8)) == [0, 3])
        #expect(roots.all(containing: Array("/us".utf8)) == [3])
        #expect(roots.all(containing: Array("tree".utf8)) == [2, 5])
        #expect(roots.all(containing: Array("tree2".utf8)) == [])
        #expect(roots.first(containing: Array("".utf8)) == 3)
        #expect(index([]).first(containing: Array("a".utf8)) == nil)
    }

    @Test func aSearchAgreesWithAskingEachRoot() {
        var generator = SeededGenerator(seed: 12)
        let letters = ["a", "b", "/", "/", "-"]
        func path() -> String {
            (0..<Int.random(in: 0...7, using: &generator)).map { _ in letters.randomElement(using: &generator)! }
                .joined()
        }
        for _ in 0..<300 {
            let roots = (0..<Int.random(in: 0...12, using: &generator)).map { _ in path() }
            let index = index(roots)
            for _ in 0..<20 {
                let path = path()
                let expected = roots.indices.filter { contains(roots[$0], path) }
                #expect(index.all(containing: Array(path.utf8)) == expected, "\(roots) \(path)")
                #expect(index.first(containing: Array(path.utf8)) == expected.first, "\(roots) \(path)")
            }
        }
    }
}
