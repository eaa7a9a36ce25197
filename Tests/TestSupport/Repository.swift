import Foundation

/// The files of this repository that tests read.
package enum Repository {
    /// Located from the path of this file, so that the working directory does not matter.
    package static let root: ByteString = {
        let components = #filePath.split(separator: "/").dropLast(3)
        return ByteString("/" + components.joined(separator: "/"))
    }()

    package static func path(_ name: ByteString) -> ByteString { root.appending(name) }

    package static func contents(_ name: ByteString) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(name).text)))
    }

    /// The Python with the oracles from PyPI, created by Tests/oracles/setup.sh.
    package static func python() throws -> ByteString {
        let python = path(".venv/bin/python")
        guard FileManager.default.isExecutableFile(atPath: python.text) else {
            throw Failure("the oracles are not installed: run Tests/oracles/setup.sh (make test does)")
        }
        return python
    }
}

/// The names of fixtures/odd-names.txt.
package enum OddNames {
    /// Each name once, in the file's order.
    package static func load() throws -> [ByteString] {
        try Repository.contents("fixtures/odd-names.txt").split(separator: UInt8(ascii: "\n"))
            .filter { !$0.starts(with: "# ".utf8) && !$0.elementsEqual("#".utf8) }
            .map { try unescape(Array($0)) }
    }

    /// `\\` is a backslash, `\xHH` a byte.
    static func unescape(_ line: [UInt8]) throws -> ByteString {
        var name: [UInt8] = []
        var index = 0
        while index < line.count {
            if line[index] != UInt8(ascii: "\\") {
                name.append(line[index])
                index += 1
            } else if line[index...].starts(with: #"\\"#.utf8) {
                name.append(UInt8(ascii: "\\"))
                index += 2
            } else if line[index...].starts(with: #"\x"#.utf8), index + 4 <= line.count,
                let byte = UInt8(String(decoding: line[index + 2..<index + 4], as: UTF8.self), radix: 16)
            {
                name.append(byte)
                index += 4
            } else {
                throw Failure("not an escaped name: \(String(decoding: line, as: UTF8.self))")
            }
        }
        return ByteString(name)
    }
}

/// Golden output: the output of a command, compared with a reviewed file below fixtures/.
package enum Golden {
    /// `make fixtures` sets this; then the files are written instead of compared.
    package static let isRenewing = ProcessInfo.processInfo.environment["FSSCAN_RENEW_FIXTURES"] == "1"

    /// Nil if the output equals the fixture, else a diff.
    package static func difference(_ bytes: [UInt8], from fixture: ByteString) throws -> String? {
        let path = Repository.path("fixtures").appending(fixture)
        if isRenewing {
            try Data(bytes).write(to: URL(fileURLWithPath: path.text))
            return nil
        }
        let diff = try run(["diff", "-u", "--", path, "-"], ProcessOptions { $0.input = bytes })
        return diff.status == 0 ? nil : diff.outputText + diff.errorText
    }
}
