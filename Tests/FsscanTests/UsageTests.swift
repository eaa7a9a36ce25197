// Messages about wrong usage, and help.

import Glibc
import TestSupport
import Testing

@Suite struct UsageTests {
    @Test(
        arguments: [
            ([], "no PATH given (see fsscan --help)"),
            (["scan"], "no PATH given (see fsscan --help)"),
            (["--json"], "no PATH given (see fsscan --help)"),
            (["--threads", "0", "/"], "--threads: '0' is not a number from 1 to 1024"),
            (["--threads", "-3", "/"], "--threads: '-3' is not a number from 1 to 1024"),
            (["--threads=-3", "/"], "--threads: '-3' is not a number from 1 to 1024"),
            (["--threads", "1025", "/"], "--threads: '1025' is not a number from 1 to 1024"),
            (["--threads", "+2", "/"], "--threads: '+2' is not a number from 1 to 1024"),
            (["--threads", "two", "/"], "--threads: 'two' is not a number from 1 to 1024"),
            (["--threads", "", "/"], "--threads: '' is not a number from 1 to 1024"),
            (["--pool", "0", "/"], "--pool: '0' is not a number from 1 to 1024"),
            (["--threads"], "missing value for '--threads <N>' (see fsscan --help)"),
            (["--depth", "-1", "/"], "--depth: '-1' is not a number from 0 to 1000000000"),
            (
                ["--top", "99999999999999999999", "/"],
                "--top: '99999999999999999999' is not a number from 0 to 1000000000"
            ),
            (["--no-such-option", "/"], "unknown option '--no-such-option' (see fsscan --help)"),
            (["-q", "/"], "unknown option '-q' (see fsscan --help)"),
            (["--no-such-" + [0xFF, 0x0A], "/"], #"unknown option '--no-such-\377\n' (see fsscan --help)"#),
            (
                ["--format", "yaml", "/"],
                "--format: 'yaml' is not one of text json html du openmetrics ndjson paths ncdu mtree csv mca sha256sum sha1sum sha512sum md5sum b2sum sha384sum"
            ),
            (
                ["--format", [0xE9, 0x1B], "/"],
                #"--format: '\351\033' is not one of text json html du openmetrics ndjson paths ncdu mtree csv mca sha256sum sha1sum sha512sum md5sum b2sum sha384sum"#
            ),
            (["--format", "text", "--json", "/"], "one format at a time: text or json"),
            (["--json", "--ndjson", "/"], "one format at a time: json or ndjson"),
            (["--sorted", "/"], "--sorted is for records: use it with --ndjson, or another format of records"),
            (
                ["--hash", "sha256,crc32", "/"],
                "--hash: 'crc32' is not one of sha256 sha1 sha512 md5 blake2b xxh128 git sha384"
            ),
            (
                ["--max-read", "12x", "/"],
                "--max-read: '12x' is not a size (bytes, or a number with K, M, G, T, P (powers of 1024), KB, MB, ... (powers of 1000))"
            ),
            (["--format", "ncdu", "/bin", "/lib"], "--format ncdu: takes one PATH, because the format has one root"),
            (["--format", "mtree", "/bin", "/lib"], "--format mtree: takes one PATH, because the format has one root"),
            (
                ["--files-from", "-", "--files-from-lines", "-"],
                "--files-from, --files-from-lines: standard input can be one of them"
            ),
            (
                ["--files-from-lines", "/no/such"],
                "--files-from-lines: '/no/such' cannot be read: No such file or directory"
            ),
            (
                ["--threads", ByteString([UInt8](repeating: 0x61, count: 199)) + "éb", "/"],
                "--threads: '\(String(repeating: "a", count: 199))éb' is not a number from 1 to 1024"
            ),
            (
                ["--threads", ByteString([UInt8](repeating: 0x61, count: 199)) + "é and so on", "/"],
                "--threads: '\(String(repeating: "a", count: 199))...' is not a number from 1 to 1024"
            ),
            (
                ["--" + ByteString([UInt8](repeating: 0x61, count: 5000)), "/"],
                "unknown option '--\(String(repeating: "a", count: 282))..."
                    + "\(String(repeating: "a", count: 99))' (see fsscan --help)"
            ),
            (["--files-from", "/no/such", "/"], "--files-from: '/no/such' cannot be read: No such file or directory"),
        ] as [([ByteString], String)])
    func aWrongCommandLineIsOneLineAndStatus64(_ arguments: [ByteString], _ message: String) throws {
        let outcome = try Fsscan.run(arguments)
        #expect(outcome.errorText == "fsscan: \(message)\n")
        #expect(outcome.status == 64)
        #expect(outcome.standardOutput.isEmpty)
    }

    @Test(
        arguments: [
            ["--help"], ["-h"], ["scan", "--help"], ["--version"], ["--threads", "2", "--version"],
            ["--generate-completion-script", "bash"], ["--generate-completion-script=zsh"],
            ["--generate-completion-script", "fish"],
        ] as [[ByteString]])
    func informationGoesToStandardOutput(_ arguments: [ByteString]) throws {
        let outcome = try Fsscan.run(arguments)
        #expect(outcome.status == 0)
        #expect(outcome.errorText == "")
        #expect(outcome.standardOutput.last == 0x0A)
        let failed = try Fsscan.run(arguments, ProcessOptions { $0.standardOutput = .file("/dev/full") })
        #expect(failed.status == 74)
        #expect(failed.errorText == "fsscan: standard output: No space left on device\n")
    }

    @Test func onlyTheFirstArgumentIsACommand() throws {
        let directory = try TemporaryDirectory([.directory("diff"), .directory("scan"), .directory("-x")])
        let options = ProcessOptions { $0.directory = directory.path }
        for arguments in [["./diff"], ["-x", "diff"], ["scan", "diff"], ["scan", "scan"], ["--", "diff", "-x"]] {
            #expect(try Fsscan.run(arguments.map { ByteString($0) }, options).status == 0, "\(arguments)")
        }
    }

    @Test func aListOfNoPathsIsNotAnError() throws {
        #expect(try Fsscan.run(["--files-from", "-"]).status == 0)
    }

    /// A list of lines was taken for one PATH, with an error as long as the list.
    @Test func aListOfLinesIsNotTakenForAPath() throws {
        let directory = try TemporaryDirectory(Tree((0..<2000).map { .file("file \($0)") } + [.file("a\nb")]))
        let all = try output(of: ["find", directory.path, "-name", "file*"])
        let reason =
            "is not a PATH: NUL separates PATHs here (find -print0); "
            + "for one PATH per line use --files-from-lines\n"
        for list in [all, Array("/one\n/two\n".utf8), all + [0] + all] {
            let outcome = try Fsscan.run(["--files-from", "-"], ProcessOptions { $0.input = list })
            #expect(outcome.status == 64 && outcome.errorText.hasSuffix(reason))
            #expect(outcome.errorText.utf8.count < 500)
        }
        let lines = try Fsscan.run(
            ["--json", "--files-from-lines", "-"],
            ProcessOptions { $0.input = Array("\n".utf8) + all + Array("\n/no/such".utf8) })
        #expect(lines.status == 1)
        let report = try output(
            of: ["jq", "-c", "[.totals.files, (.roots | length), .errors[0].path]"],
            ProcessOptions { $0.input = lines.standardOutput })
        #expect(ByteString(report) == "[2000,2001,\"/no/such\"]\n")
        let long = try Fsscan.run([ByteString(all.prefix(100_000))])
        #expect(
            long.status == 64
                && long.errorText.hasSuffix("is too long; for one PATH per line use --files-from-lines\n"))
        // A name with a newline is one.
        let name = directory.appending("a\nb").bytes
        #expect(try Fsscan.run(["--files-from", "-"], ProcessOptions { $0.input = name }).status == 0)
    }

    @Test func aPatternThatCanMatchNothingGetsAWarning() throws {
        let directory = try TemporaryDirectory([.directory("a", [.directory("b"), .file("c.o")])])
        let path = directory.path.text
        let nothing = "matches nothing"
        let anchor = "\(nothing) here: a slash in front stands for the PATH, so it would have to be"
        let cases: [(String, String)] = [
            ("\(path)/a", "'\(path)/a' \(anchor) '/a'"), ("!\(path)/a/", "'!\(path)/a/' \(anchor) '!/a/'"),
            (path, "'\(path)' \(nothing): a PATH is never left out"),
            ("./a", "'./a' \(nothing): no name is '.' or empty; for that entry of the PATH use '/a'"),
            ("a//b/", "'a//b/' \(nothing): no name is '.' or empty; for that entry of the PATH use '/a/b/'"),
            ("../a", "'../a' \(nothing): a pattern cannot match outside the PATH"),
            (
                "*.{c,o}",
                "'*.{c,o}' matches literal braces; give each pattern an --exclude of its own: '*.c' '*.o'"
            ),
            ("", "'' can match nothing"), ("[a", "'[a' can match nothing"),
        ]
        for (pattern, reason) in cases {
            for arguments in [[directory.path], ["."]] as [[ByteString]] {
                let outcome = try Fsscan.run(
                    ["--exclude", ByteString(pattern)] + arguments,
                    ProcessOptions {
                        $0.directory = directory.path
                        $0.environment = ["LC_ALL": "C"]
                    })
                #expect(outcome.status == 0)
                #expect(outcome.errorText == "fsscan: warning: --exclude: \(reason)\n")
            }
        }
        for pattern in ["/a", "a/b", "*.o", "/tmp-of-others/x", "a{b}", "**/b", "!b", "a/**"] {
            #expect(try Fsscan.run(["--exclude", ByteString(pattern), directory.path]).errorText == "", "\(pattern)")
        }
    }

    /// A PATH may contain a tree like the one that contains it.
    @Test func anAbsolutePatternIsRightWhereThePathHasSuchADirectory() throws {
        let directory = try TemporaryDirectory()
        let place = directory.path + directory.path
        _ = try output(of: ["mkdir", "-p", place + "/x"])
        let outcome = try Fsscan.run(["--json", "--exclude", directory.path + "/x", directory.path])
        #expect(outcome.errorText == "")
    }

    @Test func overlappingPathsGetAWarning() throws {
        let directory = try TemporaryDirectory([.directory("a", [.directory("b")]), .symlink("l", to: "a")])
        let arguments: [ByteString] = ["a", "a/b/.", "./a", "l", "l/"]
        let outcome = try Fsscan.run(
            arguments,
            ProcessOptions {
                $0.directory = directory.path
                $0.environment = ["LC_ALL": "C"]
            })
        let lines = outcome.errorText.split(separator: "\n")
        let rest = ", its entries count more than once in the totals"
        #expect(
            lines == [
                "fsscan: warning: 'a/b/.' lies in 'l/'\(rest)", "fsscan: warning: './a' is the same as 'a'\(rest)",
                "fsscan: warning: 'l/' is the same as './a'\(rest)",
            ])
    }

    @Test func aReaderThatWentAwayEndsItBySIGPIPE() throws {
        // Also if a parent ignored the signal.
        let script = #"{ sleep 0.2; trap "" PIPE; exec "$0" --help; } | true; echo ${PIPESTATUS[0]}"#
        #expect(try output(of: ["bash", "-c", ByteString(script), Fsscan.path]) == Array("141\n".utf8))
    }
}
