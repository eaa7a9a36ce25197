// The records that dpkg keeps of installed packages, below its administrative directory (/var/lib/dpkg):
//
//   info/PACKAGE.md5sums   32 hex digits, two blanks, a path without a slash in front
//   status                 stanzas; under "Conffiles:" lines of a blank, an absolute path, a blank, 32 hex digits
//   diversions             three lines each: the path of a file, its path instead, the package that diverts it

/// MD5 digests of installed files by their paths, as given by packages.
package struct DpkgLists: Sendable {
    /// In lower-case hex, by the path without a leading slash. A file that one package took over from another has
    /// several.
    private var digests: [[UInt8]: [[UInt8]]] = [:]
    private var diversions: [[UInt8]: (path: [UInt8], package: [UInt8])] = [:]

    package init() {}

    /// The digests that packages give for a path.
    package subscript(path: [UInt8]) -> [[UInt8]] { digests[path] ?? [] }

    package var isEmpty: Bool { digests.isEmpty }

    /// Must be read before the lists of packages.
    package mutating func addDiversions(_ file: [UInt8]) {
        let lines = file.split(separator: Self.newline, omittingEmptySubsequences: false)
        var index = 0
        while index + 2 < lines.count {
            diversions[Self.relative(lines[index])] = (Self.relative(lines[index + 1]), Array(lines[index + 2]))
            index += 3
        }
    }

    /// - Parameter name: of the file: `PACKAGE.md5sums` or `PACKAGE:ARCHITECTURE.md5sums`.
    package mutating func addMD5Sums(_ file: [UInt8], name: [UInt8]) {
        let package = Array(name.dropLast(Self.suffix.count).prefix { $0 != UInt8(ascii: ":") })
        for line in file.split(separator: Self.newline) {
            guard line.count > 34, line.dropFirst(32).prefix(2).elementsEqual("  ".utf8) else { continue }
            add(line.prefix(32), Self.relative(line.dropFirst(34)), package)
        }
    }

    /// Conffiles of installed packages.
    package mutating func addConffiles(_ status: [UInt8]) {
        var (package, isInstalled, isInList): ([UInt8], Bool, Bool) = ([], false, false)
        for line in status.split(separator: Self.newline, omittingEmptySubsequences: false) {
            if line.isEmpty {
                (package, isInstalled, isInList) = ([], false, false)
            } else if line.first == UInt8(ascii: " ") {
                guard isInList, isInstalled else { continue }
                let words = line.split(separator: UInt8(ascii: " "))
                // A further word (obsolete, remove-on-upgrade) means that the package no longer has it.
                guard words.count == 2, words[1].count == 32 else { continue }
                add(words[1], Self.relative(words[0]), package)
            } else {
                isInList = line.elementsEqual("Conffiles:".utf8)
                if line.starts(with: "Package: ".utf8) { package = Array(line.dropFirst(9)) }
                if line.starts(with: "Status: ".utf8) {
                    isInstalled =
                        line.split(separator: UInt8(ascii: " ")).last?.elementsEqual("installed".utf8) ?? false
                }
            }
        }
    }

    package static let suffix = Array(".md5sums".utf8)
    private static let newline = UInt8(ascii: "\n")

    private mutating func add(_ digest: ArraySlice<UInt8>, _ path: [UInt8], _ package: [UInt8]) {
        guard digest.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return }
        var place = path
        if let diversion = diversions[path], diversion.package != package { place = diversion.path }
        digests[place, default: []].append(Array(digest))
    }

    private static func relative(_ path: ArraySlice<UInt8>) -> [UInt8] {
        Array(path.first == UInt8(ascii: "/") ? path.dropFirst() : path)
    }
}
