// File systems with their different ways of storing things, and the borders between them: against find, du and the
// reference scanner. Each is mounted in its own mount namespace, and disappears with it.

import Glibc
import TestSupport
import Testing

private enum FileSystem {
    /// As Tests/faults/with-mount.sh knows them.
    static let all: [String] = ["ext4", "ext4-small-inodes", "xfs", "btrfs", "squashfs", "tmpfs", "overlay", "bind"]

    static let inKernel = Set(["ext4", "xfs", "btrfs", "squashfs", "tmpfs", "overlay"].filter { kernelKnows($0) })

    static let hasLoopDevices = access("/dev/loop-control", R_OK | W_OK) == 0

    /// Those that cannot be mounted here, with the reason.
    static let missing: [String] = all.filter { !available.contains($0) }

    static let available: [String] = {
        guard canMount else { return [] }
        return all.filter { name in
            let type = name.hasPrefix("ext4") ? "ext4" : name
            if type == "bind" { return true }
            let needsLoop = !["tmpfs", "overlay"].contains(type)
            return inKernel.contains(type) && (hasLoopDevices || !needsLoop)
        }
    }()

    static let count: ByteString = isLarge ? "200000" : "3000"
}

@Suite struct FileSystemTests {
    /// Names the omitted ones; otherwise checks that each is in the kernel's own list.
    @Test(.enabled(if: FileSystem.missing.isEmpty, "not on this machine: \(FileSystem.missing) \(mountObstacle ?? "")"))
    func eachFileSystemIsTriedHere() {
        for type in ["ext4", "xfs", "btrfs", "squashfs", "tmpfs", "overlay"] {
            #expect(FileSystem.inKernel.contains(type))
        }
    }

    @Test(arguments: FileSystem.available)
    func totalsAreThoseOfFindAndDu(type: String) throws {
        let directory = try TemporaryDirectory()
        let script = """
            cd "$1"; fsscan=$2; python=$3; oracles=$4
            find mount -printf x | wc -c
            du -s -B1 mount | cut -f1
            find mount -xdev -printf x | wc -c
            for threads in 1 7; do
                "$fsscan" --json --threads $threads mount >report && jq '.totals | .entries, .disk_bytes' report
                "$python" "$oracles/reference_scan.py" --compare mount <report
                "$python" "$oracles/validate.py" report <report
                "$fsscan" --json -x --threads $threads mount >report && jq .totals.entries report
                "$python" "$oracles/reference_scan.py" --compare -x mount <report
            done
            "$fsscan" --ndjson -x --hash sha256,git --mime mount >records
            jq -r 'select(.type == "entry").path' records | sort >found
            find mount -xdev | sort | diff - found
            jq -r 'select(.kind == "file") | .digests.sha256 + "  " + .path' records >sums
            sha256sum --quiet -c sums
            """
        let outcome = try run(
            [
                "unshare", "-m", Repository.path("Tests/faults/with-mount.sh"), ByteString(type), directory.path,
                FileSystem.count, "sh", "-c", ByteString(script), "sh", directory.path, Fsscan.path,
                Repository.python(), Repository.path("Tests/oracles"),
            ], ProcessOptions { $0.timeout = 600 })
        let lines = outcome.outputText.split(separator: "\n").map(String.init)
        try #require(lines.count == 9 && outcome.status == 0, "\(outcome.outputText) \(outcome.errorText.suffix(1000))")
        let expected = Array(lines[0..<3])
        #expect(Array(lines[3..<6]) == expected)
        #expect(Array(lines[6..<9]) == expected)
        if type == "btrfs" { #expect(expected[0] != expected[2], "a subvolume is another device") }
    }

    /// All of them mounted inside one tree, one below another, and bound to a second place: at each border.
    @Test(
        .enabled(if: canMount, "\(mountObstacle ?? "")"), arguments: [[], ["-x"]] as [[ByteString]])
    func bordersOfAllFileSystemsAreThoseOfFind(options: [ByteString]) throws {
        let directory = try TemporaryDirectory([.directory("root")])
        let nested = FileSystem.available.filter { $0 != "bind" }
        var command: [ByteString] = []
        for (index, type) in nested.enumerated() {
            // The innermost command comes first in the list: each script mounts, then runs the next.
            command =
                [
                    Repository.path("Tests/faults/with-mount.sh"), ByteString(type), directory.appending("fs\(index)"),
                    "30",
                ] + command
        }
        let script = """
            set -e; cd "$1"; fsscan=$2; python=$3; oracles=$4; shift 4
            mount -t tmpfs none root
            for mount in fs*/mount; do
                place=root/$(dirname $mount); mkdir $place; mount --bind $mount $place
                # One inside the other, where it may be written to.
                [ -z "${last-}" ] || ! mkdir $last/inside 2>/dev/null || mount --bind $mount $last/inside
                last=$place
            done
            mkdir root/bound root/plain; echo x >root/plain/file; mount --bind root/plain root/bound
            for path in root root/*; do
                "$fsscan" --json "$@" "$path" >report || echo "status $?"
                "$python" "$oracles/reference_scan.py" --compare "$@" "$path" <report
                [ "$(jq .totals.entries report)" = "$(find "$path" $(test "$1" && echo -xdev) -printf x | wc -c)" ] || echo "$path"
                [ -n "$1" ] || [ "$(jq .totals.disk_bytes report)" = "$(du -s -B1 "$path" | cut -f1)" ] || echo "du $path"
                "$fsscan" --ndjson "$@" "$path" | jq -r 'select(.type == "entry").path' | sort >found
                find "$path" $(test "$1" && echo -xdev) | sort | diff - found
            done
            echo done
            """
        let outcome = try run(
            ["unshare", "-m"] + command + [
                "sh", "-c", ByteString(script), "sh", directory.path, Fsscan.path, Repository.python(),
                Repository.path("Tests/oracles"),
            ] + options, ProcessOptions { $0.timeout = 300 })
        #expect(outcome.outputText == "done\n", "\(outcome.errorText.suffix(2000))")
    }
}
