// AIDE as the oracle of `verify`: both name the same entries, and classify each as added, removed or changed.

import TestSupport
import Testing

@Suite struct AideTests {
    private static let names: [ByteString] = ["a", "b", "c", "d.txt", "e-1", "f_2", "g", "h", "i", "j"]

    /// Changes to an entry, with its path in `$1` and a number in `$2`. Each has effects that no other has.
    private static let changes: [ByteString] = [
        "rm $1", "mv $1 $1.moved", "chmod 0400 $1", "chown 7:8 $1", "echo changed >$1", "touch -d @$2 $1",
        "touch -r $1 t; echo >$1; touch -r t $1", "ln -s x$2 $1.new", "echo $2 >$1.new", "mkfifo $1.new",
        "mkdir $1.new", ":", ":", ":", "rm $1; ln -s gone $1", "rm $1; mkfifo $1", "ln $1 $1.new",
    ]

    private static let configuration: ByteString = """
        database_in=file:db
        database_out=file:db
        report_format=json
        report_url=stdout
        #TREE# p+u+g+n+s+l+ftype+sha256
        """

    @Test(.enabled(if: isRoot, "gives files to others"), arguments: 1...12)
    func itNamesTheEntriesThatAideNames(_ seed: UInt64) throws {
        let tree = try TemporaryDirectory(.random(seed: seed, entries: 200, names: Self.names))
        let directory = try TemporaryDirectory([.file("aide.conf", Self.configuration)])
        var generator = SeededGenerator(seed: seed)
        let changes = (0..<200).map { _ in
            ByteString(Self.changes.randomElement(using: &generator)!.bytes + [UInt8(ascii: "\n")])
        }
        let made = try Fsscan.shell(
            #"""
            set -e
            tree=\#(tree.path); sed -i "s|#TREE#|$tree|" aide.conf
            aide --config=aide.conf --init >init
            $F --save saved --hash sha256 $tree >report
            find $tree ! -type d | sort >paths; number=0
            while read -r path <&3 && read -r change; do
                number=$((number + 1)); set -- $path $number
                # Not to a symbolic link, whose target it might change, nor to a pipe, at which it would wait.
                [ -L $path ] || [ ! -f $path ] || eval "$change" 2>/dev/null || :
            done 3<paths
            """#, in: directory, ProcessOptions { $0.input = changes.flatMap(\.bytes) })
        #expect(made.status == 0, "\(made.outputText)\(made.errorText)")
        let aide = try Fsscan.shell(
            #"""
            aide --config=aide.conf --check >check
            jq -r '["added", "removed", "changed"][] as $kind | .[$kind] // {} | to_entries[]
                | select(.value[:1] != "d") | .key + " " + $kind' check | LC_ALL=C sort
            """#, in: directory
        ).outputText
        let verify = try Fsscan.shell(
            #"""
            $F verify saved --ignore mtime,ctime --ndjson >verify
            jq -r 'select(.type == "change" and .kind != "directory") |
                if .old_path then .old_path + " removed", .path + " added"
                elif .changes[0] == "added" or .changes[0] == "removed" then .path + " " + .changes[0]
                else .path + " changed" end' verify | LC_ALL=C sort
            """#, in: directory
        ).outputText
        #expect(verify == aide)
        #expect(!aide.isEmpty)
    }
}
