// The man pages: they describe the options that the parser accepts, and mandoc finds no problems.

import TestSupport
import Testing

@testable import fsscan

@Suite struct ManualTests {
    /// A page of a command. Those that take no options but --version and --help are described in fsscan.1.
    private static func page(_ command: CommandSyntax) -> String? {
        if command.name == "scan" { return "docs/man/fsscan.1" }
        let own = command.options.flatMap(\.names).filter { !["-V", "--version", "-h", "--help"].contains($0) }
        return own.isEmpty ? nil : "docs/man/fsscan-\(command.name).1"
    }

    private static func text(_ page: String) throws -> String {
        String(decoding: try Repository.contents(ByteString(page)), as: UTF8.self)
    }

    /// The names of options in the items of a page's section OPTIONS: `.It Fl o Ar FILE , Fl -output Ar FILE`.
    private static func documented(_ page: String) throws -> [String] {
        var section: Substring = ""
        var names: [String] = []
        for line in try text(page).split(separator: "\n") {
            if line.hasPrefix(".Sh ") { section = line.dropFirst(4) }
            guard section == "OPTIONS", line.hasPrefix(".It ") else { continue }
            let words = line.split(separator: " ")
            for (macro, name) in zip(words, words.dropFirst()) where macro == "Fl" { names.append("-\(name)") }
        }
        return names
    }

    @Test func eachOptionIsDocumentedAndNoneIsInvented() throws {
        for command in CommandSyntax.all {
            guard let page = Self.page(command) else { continue }
            guard (try? Self.text(page)) != nil else {
                Issue.record("fsscan \(command.name) has no man page: write \(page), and name it in docs/man/fsscan.1")
                continue
            }
            let documented = try Self.documented(page)
            for option in command.options where !option.names.allSatisfy(documented.contains) {
                let value = option.value == nil ? "" : " Ar \(option.valueName)"
                let item = option.names.map { "Fl \($0.dropFirst())\(value)" }.joined(separator: " , ")
                Issue.record(
                    """
                    \(page) does not document \(option.names.joined(separator: ", ")). Add to its section OPTIONS:
                    .It \(item)
                    \(option.summary).
                    """)
            }
            let known = Set(command.options.flatMap(\.names))
            for name in documented where !known.contains(name) {
                Issue.record("\(page) documents \(name), which fsscan \(command.name) does not take: remove its .It")
            }
            #expect(Set(documented).count == documented.count, "\(page) documents an option twice")
        }
    }

    /// Makes sure that the test above can fail.
    @Test func itemsAreFound() throws {
        let names = try Self.documented("docs/man/fsscan.1")
        for name in ["-x", "--one-file-system", "-o", "--output", "--hash", "--no-progress"] {
            #expect(names.contains(name), "\(name)")
        }
        #expect(!names.contains("--generate-completion-script"))
    }

    /// The values that the parser accepts appear in the text.
    @Test func valuesAreDocumented() throws {
        for command in CommandSyntax.all {
            guard let page = Self.page(command), let text = try? Self.text(page) else { continue }
            let words = Set(text.split { " \n,;:()|".contains($0) })
            for option in command.options {
                let values: [String]
                switch option.value {
                case .word(let known): values = known
                case .list(let known): values = known
                default: continue
                }
                // Too many to list: the page has examples.
                if option.names == ["--ignore"] || option.names == ["--algorithm"] { continue }
                if command.name == "diff", option.names == ["--hash"] { continue }
                for value in values where !words.contains(Substring(value)) {
                    Issue.record("\(page) does not name the value \(value) of \(option.names.last!)")
                }
            }
        }
    }

    @Test func eachCommandIsInTheFirstPage() throws {
        let text = try Self.text("docs/man/fsscan.1")
        for command in CommandSyntax.all {
            #expect(
                text.contains("\n.It Cm \(command.name)\n"),
                "docs/man/fsscan.1 does not name the command \(command.name): add .It Cm \(command.name) to its list")
        }
        for page in try Self.pages() {
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"] {
                #expect(try Self.text(page).contains("\n.Sh \(section)\n"), "\(page): no section \(section)")
            }
        }
    }

    private static func pages() throws -> [String] {
        let names = try output(of: ["ls", Repository.path("docs/man")])
        return ByteString(names).text.split(separator: "\n").map { "docs/man/\($0)" }
    }

    @Test(.enabled(if: isInstalled("mandoc"), "mandoc is not installed")) func mandocHasNothingToSay() throws {
        let pages = try Self.pages()
        #expect(pages.count >= 4)
        let outcome = try run(
            ["mandoc", "-T", "lint"] + pages.map { ByteString($0) }, ProcessOptions { $0.directory = Repository.root })
        for line in outcome.outputText.split(separator: "\n") {
            // Pages that are not installed must be among these.
            if let reference = line.split(separator: "referenced manual not found: Xr ").last, reference != line {
                let words = reference.split(separator: " ")
                #expect(pages.contains("docs/man/\(words[0]).\(words[1])"), "\(line)")
            } else {
                Issue.record("\(line)")
            }
        }
    }
}
