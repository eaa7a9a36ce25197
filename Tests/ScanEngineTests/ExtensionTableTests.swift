import TestSupport
import Testing

@testable import ScanEngine

@Suite struct ExtensionTableTests {
    private func fileExtension(_ name: String) -> FileExtension {
        Array(name.utf8).withUnsafeBytes { FileExtension(name: $0) }
    }

    @Test(arguments: [
        ("a.TXT", "txt"), ("a", ""), (".txt", ""), ("a.", ""), ("libz.so.3", "so"), ("libz3.so.4.8", "so"),
        ("frame.0001", ""), ("frame.0000001", ""), ("a.tar.gz.1", "gz"), (".rc.1", ""), ("a..1", ""), ("a.mp3", "mp3"),
        ("a.7z", "7z"), ("a.1234567890123456x", ""), ("a.x123456789012345", "x123456789012345"), ("", ""), (".", ""),
        ("a.so.99999999999999999999", "so"), ("a.b-c", ""), ("a.b-c.1", ""), ("1.2.3", ""), ("..x", "x"),
    ])
    func numbersAreNoPartOfAnExtension(_ name: String, _ expected: String) {
        #expect(fileExtension(name).text == expected)
    }

    @Test func ofTwoNamesTheSmallerExtensionCountsThatIsNotEmpty() {
        let names = ["", "a", "a0", "aa", "b", "zzzzzzzz", "zzzzzzzza"].map { fileExtension("f.\($0)") }
        for (index, one) in names.enumerated() {
            for (other, second) in names.enumerated() {
                let smaller = index == 0 || other == 0 ? max(index, other) : min(index, other)
                #expect(one.merged(with: second) == names[smaller])
            }
        }
    }

    /// The test vectors of Noll's page.
    @Test func theHashIsFNV() {
        #expect(FileExtension.none.hash == 0xCBF2_9CE4_8422_2325)
        #expect(fileExtension("f.a").hash == 0xAF63_DC4C_8601_EC8C)
        #expect(fileExtension("f.foobar").hash == 0x8594_4171_F739_67E8)
    }

    /// However the names are distributed among workers, and in any order: the same counts, which match a dictionary's.
    @Test(arguments: [(1, 50), (3, 50), (8, 7), (2, 400)])
    func theListedExtensionsDoNotDependOnTheWorkers(workers: Int, limit: Int) {
        var generator = SeededGenerator(seed: UInt64(workers * 1000 + limit))
        var tables = (0..<workers).map { _ in ExtensionTable(limit: limit) }
        var counted: [String: FileCounts] = [:]
        for _ in 0..<20_000 {
            let name = "e\(UInt32.random(in: 0..<300, using: &generator))x"
            let counts = FileCounts(files: 1, apparentBytes: 3, diskBytes: 512)
            counted[name, default: FileCounts()].add(counts)
            tables[Int.random(in: 0..<workers, using: &generator)].add(fileExtension("f.\(name)"), counts)
        }
        let listed = counted.keys.sorted { fileExtension("f.\($0)").hash < fileExtension("f.\($1)").hash }.prefix(limit)
        var others = FileCounts()
        for (name, counts) in counted where !listed.contains(name) { others.add(counts) }
        var merged = ExtensionTable(limit: limit)
        for table in tables { merged.merge(table) }
        let report = merged.ranked
        #expect(report.others == others)
        #expect(Set(report.listed.map(\.fileExtension)) == Set(listed))
        for item in report.listed { #expect(item.counts == counted[item.fileExtension]) }
    }
}
