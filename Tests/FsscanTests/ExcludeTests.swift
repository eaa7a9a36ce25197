// `--exclude-from` beside git, `--exclude-caches` beside tar.

import TestSupport
import Testing

@Suite struct ExcludeTests {
    private func shell(_ script: ByteString, _ tree: Tree) throws -> String {
        let directory = try TemporaryDirectory(tree)
        let outcome = try Fsscan.shell("set -e; " + script, in: directory)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        return outcome.outputText
    }

    private static let files: Tree = [
        .directory(
            "t",
            [
                .file("a.o"), .file("b.o"), .file("keep.o"), .file("#hash"), .file("end "), .file("end"), .file("x"),
                .file("!bang"), .directory("sub", [.file("a.o"), .file("x"), .directory("build", [.file("y")])]),
                .directory("build", [.file("z")]),
            ])
    ]

    private static let lists = [
        "*.o\\n!keep.o\\n", "# a comment\\n\\n*.o\\r\\nend   \\n", "\\\\#hash\\n\\\\!bang", "end\\\\ \\n",
        "/build/\\nsub/x",
        "\\xef\\xbb\\xbfx\\n", "build\\n!build\\n", "", "*\\n!*/\\n!y\\n",
    ]

    @Test(arguments: lists) func patternsOfAFileAreThoseOfGit(list: String) throws {
        let printed = try shell(
            """
            printf '\(ByteString(list))' > list; git init -q t
            (cd t; git ls-files -z --others --exclude-from=../list) | sort -z > expected
            "$F" --exclude-from list --exclude /.git --ndjson t | jq -j 'select(.kind == "file") | .path[2:] + "\\u0000"' |
                sort -z | cmp - expected; tr -cd '\\0' < expected | wc -c
            """, Self.files)
        #expect(Int(printed.split(separator: "\n")[0]) != nil, "\(printed)")
    }

    /// The later pattern wins: that of the command line, or of the later file.
    @Test func patternsOfTheCommandLineStandBehindThoseOfFiles() throws {
        let printed = try shell(
            """
            echo '*.o' > one; printf '!a.o\\n*.o\\n!b.o\\n' > two
            "$F" --exclude '!keep.o' --exclude-from one --exclude-from two --json t | jq -c '[.options.exclude[].pattern]'
            "$F" --exclude '!keep.o' --exclude-from one --exclude-from - --ndjson t < two |
                jq -r 'select(.type == "entry").path' | grep 'o$' | sort
            "$F" --exclude-from - --files-from - < one 2>&1 || echo $?
            "$F" --exclude-from missing t 2>&1 || echo $?
            """, Self.files)
        #expect(
            printed == """
                ["*.o","!a.o","*.o","!b.o","!keep.o"]
                t/b.o
                t/keep.o
                fsscan: --files-from, --exclude-from: standard input can be one of them
                64
                fsscan: --exclude-from: 'missing' cannot be read: No such file or directory
                64

                """)
    }

    // MARK: Caches

    private static let signature = "Signature: 8a477f597d28d172789f06886806bc55"

    private static func cache(_ name: ByteString, _ tag: String, _ more: Node? = nil) -> Node {
        .directory(
            name,
            Tree(
                [.file("CACHEDIR.TAG", ByteString(tag)), .file("x", "12"), .directory("sub", [.file("y", "3")])]
                    + (more.map { [$0] } ?? [])))
    }

    private static let caches: Tree = [
        .directory(
            "t",
            [
                cache("exact", signature), cache("usual", signature + "\n# by a test\n"),
                cache("short", "Signature: 8a47"),
                cache("empty", ""), cache("other", "x" + signature), cache("large", signature + signature),
                cache("ignored", signature, .file(".gitignore", "CACHEDIR.TAG\n")),
                .directory("link", [.symlink("CACHEDIR.TAG", to: "../exact/CACHEDIR.TAG"), .file("x")]),
                .directory("directory", [.directory("CACHEDIR.TAG", [.file("x")])]),
                .directory("fifo", [.fifo("CACHEDIR.TAG"), .file("x")]),
                .directory("above", [.file("x"), cache("cache", signature)]),
            ])
    ]

    @Test func cachesAreThoseOfTar() throws {
        let printed = try shell(
            """
            for path in t t/exact t/above/cache; do
                tar --exclude-caches -cf - $path | tar tf - | sed 's#/$##' | sort > expected
                "$F" --exclude-caches --threads 3 --ndjson $path | jq -r 'select(.type == "entry").path' | sort |
                    diff expected -
                "$F" --exclude-caches --json $path | jq .totals.entries | cmp - <(wc -l < expected); wc -l < expected
            done
            "$F" --exclude-caches --exclude '!x' --exclude y --json t/exact | jq -c .totals.entries,.options.exclude_caches
            "$F" --exclude-caches --gitignore --ndjson t/ignored | jq -r 'select(.type == "entry").path'
            "$F" --exclude-caches --exclude CACHEDIR.TAG --ndjson t/exact | jq -r 'select(.type == "entry").path'
            "$F" --exclude-caches --format ncdu t/exact | jq -r '.[3][1:][] | (arrays[0], objects) | .name + " " + .excluded' |
                sort
            """, Self.caches)
        #expect(
            printed.hasSuffix("2\n2\n2\ntrue\nt/ignored\nt/exact\nCACHEDIR.TAG \nsub pattern\nx pattern\n"),
            "\(printed)")
    }

    @Test func comparisonsLeaveOutCaches() throws {
        let printed = try shell(
            """
            "$F" --exclude-caches --hash sha256 --save s.db t > none 2>&1; echo more > t/exact/x; echo > t/usual/new
            touch -r t/exact/CACHEDIR.TAG t/usual; "$F" verify --ignore mtime,ctime s.db && "$F" diff s.db t --ignore mtime,ctime
            echo more >> t/above/x; "$F" verify --ignore mtime,ctime s.db | grep -c ' t/above/x'
            """, Self.caches)
        #expect(printed.hasSuffix("\n1\n"), "\(printed)")
    }

    @Test(.enabled(if: isRoot, "needs root: the test runs the program as another user, who may not read the tag"))
    func aTagThatCannotBeReadIsAnError() throws {
        let directory = try TemporaryDirectory(Self.caches)
        let program = try Fsscan.copy(to: directory)
        let printed = try run(
            [
                "sh", "-c",
                """
                cd "$1" && chmod 755 . && chmod 000 t/exact/CACHEDIR.TAG
                setpriv --reuid 65534 --regid 65534 --clear-groups "$2" --exclude-caches --json t/exact |
                    jq -c '.totals.entries, [.errors[] | .path, .code]'
                """, "sh", directory.path, program,
            ])
        #expect(printed.outputText == "5\n[\"t/exact/CACHEDIR.TAG\",\"EACCES\"]\n", "\(printed.errorText)")
    }
}
