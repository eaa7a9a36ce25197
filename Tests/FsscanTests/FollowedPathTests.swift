// `-H`: the symlinks that find -H follows.

import TestSupport
import Testing

@Suite struct FollowedPathTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory([
            .directory("d", [.file("f", "content"), .symlink("up", to: ".."), .directory("e", [.file("g", "x")])]),
            .symlink("link", to: "d"), .symlink("twice", to: "link"), .symlink("file", to: "d/f"),
            .symlink("chain", to: "e1"), .symlink("e1", to: "d/../file"), .symlink("broken", to: "nowhere"),
            .symlink("loop", to: "loop"), .symlink("through", to: "d/f/x"), .fifo("fifo"), .symlink("pipe", to: "fifo"),
        ])
    }

    private func shell(_ script: ByteString) throws -> String {
        let outcome = try Fsscan.shell("set -e; " + script, in: directory)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        return outcome.outputText
    }

    @Test func itFollowsLinksAsFindDoes() throws {
        let printed = try shell(
            """
            for path in d link link/ twice file chain broken loop through pipe fifo ./link d/../twice missing; do
                find -H $path -printf '%p %y %s %i\\n' 2> none | sort > expected || true
                "$F" -H --ndjson $path > records 2> none || true
                jq -r 'select(.type == "entry")
                    | "\\(.path) \\(.kind | {directory: "d", file: "f", symlink: "l", fifo: "p"}[.]) \\(.size) \\(.inode)"' \\
                    records | sort | diff expected - && wc -l < expected
            done
            """)
        #expect(printed == "5\n5\n5\n5\n1\n1\n1\n0\n0\n1\n1\n5\n5\n0\n")
    }

    /// Reading, also by libmagic, and attributes.
    @Test func theTargetOfAFollowedPathIsRead() throws {
        let printed = try shell(
            """
            sha256sum d/f | cut -c1-64 > sum
            for path in file chain $PWD/file; do
                "$F" -H --hash sha256 --xattrs --mime --ndjson $path | jq -r 'select(.type == "entry") | .digests.sha256' |
                    cmp - sum
                "$F" -H --hash sha256 --json $path | jq -r '.roots[0].digests.sha256' | cmp - sum
            done
            "$F" --hash sha256 --json d | jq -r '.roots[0].digests.sha256' > of-directory
            "$F" -H --hash sha256 --json twice | jq -r '.roots[0].digests.sha256' | cmp - of-directory
            exec 7< d/f; "$F" -H --hash sha256 --json /proc/self/fd/7 | jq -r '.roots[0].digests.sha256' | cmp - sum
            "$F" -H --json --threads 3 /proc/self/cwd | jq -c '.totals.directories, .options.follow_roots'
            "$F" --json link | jq -c '.totals.symlinks, .options.follow_roots'
            """)
        #expect(printed == "3\ntrue\n1\nnull\n")
    }

    /// A link of /proc leads to a file without a name: the file exists, and can be stat'ed.
    @Test func aFileWithoutANameIsCounted() throws {
        let printed = try shell(
            """
            echo gone > gone; exec 7< gone; rm gone
            "$F" -H --json /proc/self/fd/7 | jq -c '.totals.files, .totals.apparent_bytes, .totals.errors'
            """)
        #expect(printed == "1\n5\n0\n")
    }

    @Test func comparisonsFollowTheSamePaths() throws {
        let printed = try shell(
            """
            "$F" --save s.db --hash sha256 -H link file > none 2>&1; "$F" verify s.db > none
            echo more > d/new; "$F" verify s.db | grep -c new; "$F" diff s.db s.db > none
            "$F" --save one.db -H link > none 2>&1; rm d/new; "$F" diff one.db link | grep -c 'removed.*1' || true
            "$F" -H link d 2>&1 > none | grep -c 'same as'
            """)
        #expect(printed.split(separator: "\n").first == "1" && printed.hasSuffix("1\n"), "\(printed)")
    }
}
