// The privileges that fsscan needs, and its side effects: one capability, nothing written except its output, access
// times preserved, and the systemd unit in contrib/.

import Glibc
import TestSupport
import Testing

@Suite struct LeastPrivilegeTests {
    private static let closedTree: Tree = [
        .directory(
            "closed", [.file("secret", "x", mode: 0), .directory("deeper", [.file("f", "yy")], mode: 0)], mode: 0),
        .directory("listable", [.file("file", "12", mode: 0o600), .symlink("s", to: "x")], mode: 0o744),
        .directory("searchable", [.file("file", size: 20_000_000, mode: 0o200)], mode: 0o711),
        .file("top", "top", mode: 0), .hardLink("link", to: "top"), .fifo("fifo", mode: 0),
    ]

    @Test(.enabled(if: isRoot, "needs root, to become another user"), arguments: threadCounts)
    func oneCapabilityReadsEverything(threads: Int) throws {
        let directory = try TemporaryDirectory(Self.closedTree)
        let tools = try TemporaryDirectory()
        let program = try Fsscan.copy(to: tools)
        let arguments: [ByteString] = ["--hash", "sha256,git", "--mime", "--depth", "5", directory.path]
        let asRoot = try ScanRun(arguments, threads: threads)
        #expect(asRoot.outcome.end == .exited(0))
        let user: [ByteString] = [
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
            "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
            "--bounding-set=-all,+dac_read_search", "--",
        ]
        let scan = try ScanRun(arguments, threads: threads, program: program, under: user)
        #expect(scan.outcome.end == .exited(0), "\(scan.outcome.errorText)")
        let isSame = try scan.timeless() == asRoot.timeless()
        #expect(isSame)
    }

    /// Calls that change a file system, and their allowed purposes.
    @Test(.disabled(if: isSanitized, "sanitizers write reports"))
    func nothingIsWrittenButTheOutput() throws {
        let directory = try TemporaryDirectory(mixedTree)
        let place = try TemporaryDirectory()
        let (trace, report) = (place.appending("trace"), place.appending("report"))
        let changing: ByteString = """
            openat,open,creat,openat2,mkdir,mkdirat,mknod,mknodat,unlink,unlinkat,rmdir,rename,renameat,renameat2,link,linkat,\
            symlink,symlinkat,truncate,ftruncate,fallocate,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,utimensat,\
            setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,pwrite64,pwritev,write,writev,bind,mount
            """
        for options: [ByteString] in [
            ["--json", "--hash", "sha256,git", "--mime", "-o", report], ["--ndjson", "--sorted", "-o", report],
            ["--json"], ["--hash", "md5", "--progress"],
        ] {
            _ = try output(
                of: ["strace", "-f", "-y", "-qq", "-o", trace, "-e", "trace=" + changing, Fsscan.path] + options
                    + [directory.path])
            let calls = try output(of: ["cat", trace]).split(separator: UInt8(ascii: "\n")).map { ByteString($0).text }
            #expect(calls.count > 5)
            let writing = calls.filter { call in
                guard call.contains("open") else { return !call.contains("+++") && !call.contains("---") }
                return ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].contains { call.contains($0) }
            }
            for call in writing {
                let isOutput = call.contains("(1<") || call.contains("(2<") || call.contains(place.path.text)
                // Sorted records beyond the memory limit: an unnamed file.
                let isUnnamed = call.contains("O_TMPFILE") || call.contains("(deleted)")
                // Threads wake each other through an eventfd; terminals and null are no files.
                let isDevice = call.contains("\"/dev/") || call.contains("anon_inode")
                #expect(isOutput || isUnnamed || isDevice, "\(call)")
            }
            #expect(!calls.contains { $0.contains(" mkdir") || $0.contains(" mount") || $0.contains(" bind") })
        }
    }

    /// Except a symlink's own time, which readlink(2) always updates, and files and directories of other users when the
    /// program does not run as root: there the kernel refuses O_NOATIME.
    @Test(
        .enabled(if: canMount, "\(mountObstacle ?? "")"),
        arguments: [[], ["--hash", "sha256", "--mime"], ["--ndjson", "--hash", "git", "--gitignore"]] as [[ByteString]],
        [0, 65_534])
    func accessTimesAreUnchanged(options: [ByteString], user: Int) throws {
        let directory = try TemporaryDirectory([.directory("mount")])
        let tools = try TemporaryDirectory()
        let program = try Fsscan.copy(to: tools)
        let script = """
            set -e; fsscan=$1; user=$2; shift 2
            mount -t tmpfs -o strictatime none mount
            mkdir -p mount/a/b mount/c; echo x >mount/a/f; echo y >mount/a/b/g; echo '*.o' >mount/.gitignore
            head -c 20000000 /dev/zero >mount/c/large; ln mount/a/f mount/c/link; : >mount/empty
            chown -R $user mount; find mount -exec touch -a -d '2001-02-03' '{}' +
            stat -c '%x %n' mount mount/a mount/a/b mount/a/f mount/c/* >before
            setpriv --reuid=$user --clear-groups "$fsscan" "$@" mount >/dev/null
            stat -c '%x %n' mount mount/a mount/a/b mount/a/f mount/c/* | diff before - && echo same
            cat mount/a/f >/dev/null
            stat -c '%x %n' mount/a/f | grep -qF 2001 || echo 'cat does'
            """
        let outcome = try run(
            ["unshare", "-m", "sh", "-c", ByteString(script), "sh", program, "\(user)"] + options,
            ProcessOptions { $0.directory = directory.path })
        #expect(outcome.outputText == "same\ncat does\n", "\(outcome.errorText)")
    }

    // MARK: contrib/

    /// systemd looks for the program that a unit starts.
    @Test(.enabled(if: canAnalyzeUnits, "needs a running systemd, or root, to make /run/systemd"))
    func theUnitsAreValid() throws {
        let place = try TemporaryDirectory()
        let script = #"""
            for unit in contrib/*.service contrib/*.timer; do
                sed "s|/usr/local/bin/fsscan |/bin/true |" "$unit" >"$0/${unit##*/}"
            done
            """#
        _ = try output(
            of: ["sh", "-ec", ByteString(script), place.path], ProcessOptions { $0.directory = Repository.root })
        let units: [ByteString] = [
            "fsscan.service", "fsscan.timer", "fsscan-verify.service", "fsscan-verify.timer",
            "fsscan-verify@srv-my\\x20data.service", "fsscan-verify@srv-my\\x20data.timer",
        ]
        let outcome = try run(
            ["systemd-analyze", "verify", "--man=no"] + units.map { place.appending($0) },
            ProcessOptions { $0.environment["SYSTEMD_UNIT_PATH"] = place.path.text + ":" })
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
        let complaints = outcome.errorText.split(separator: "\n").filter { $0.contains("fsscan") }
        #expect(complaints.isEmpty, "\(complaints)")
    }

    /// The service for any path equals that for /usr: each change must be made in both.
    @Test func theServiceForAnyPathIsTheOneForUsr() throws {
        func settings(_ file: ByteString) throws -> [String] {
            String(decoding: try Repository.contents(file), as: UTF8.self).split(separator: "\n")
                .filter { !$0.hasPrefix("#") }.map(String.init)
        }
        let one = try settings("contrib/fsscan-verify.service").map {
            $0.replacing("usr.db", with: "%i.db %f").replacing("/usr with", with: "%f with")
                .replacing("default/fsscan-verify", with: "default/fsscan-verify@%i")
                .replacing("RuntimeDirectory=fsscan-verify", with: "RuntimeDirectory=fsscan-verify@%i")
                .replacing("/run/fsscan-verify", with: "/run/fsscan-verify@%i")
        }
        #expect(try settings("contrib/fsscan-verify@.service") == one)
    }

    /// 1.2 of 10, where 10 is everything exposed.
    @Test(
        .enabled(if: canAnalyzeUnits, "needs a running systemd, or root, to make /run/systemd"),
        arguments: ["fsscan", "fsscan-verify", "fsscan-verify@"] as [ByteString])
    func theServicesAreExposedAsLittleAsSystemdKnows(name: ByteString) throws {
        let unit = "contrib/" + name + ".service"
        _ = try output(of: [
            "systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", Repository.path(unit),
        ])
        // Properties that the score does not cover: an end, a limit, no leftovers in memory, and the real /tmp.
        let lines = String(decoding: try Repository.contents(unit), as: UTF8.self).split(separator: "\n")
        for setting in ["TimeoutStartSec=6h", "MemoryMax=2G", "LimitCORE=0", "PrivateTmp=no", "User=fsscan"] {
            #expect(lines.contains(Substring(setting)), "\(setting)")
        }
        #expect(!lines.contains { $0.hasPrefix("DynamicUser") })
    }

    private static let launcher = Repository.path("Tests/faults/with-systemd.sh")
    private static let canRunSystemd = (try? run([launcher, "--check"]).status) == 0

    /// A separate systemd, in namespaces: the scan with all restrictions of its unit, and the comparison that finds a
    /// change and reports it.
    @Test(
        .enabled(if: canRunSystemd, "needs root, namespaces, overlayfs and a cgroup2 hierarchy"),
        .disabled(if: isSanitized, "sanitizers write reports"))
    func systemdRunsTheUnits() throws {
        let place = try TemporaryDirectory()
        let outcome = try run([Self.launcher, Fsscan.path, place.path], ProcessOptions { $0.timeout = 300 })
        let result = String(decoding: try output(of: ["cat", place.appending("result")]), as: UTF8.self)
        var lines = result.split(separator: "\n").filter { !$0.hasPrefix("Job ") && !$0.hasPrefix("See ") }
        // find saw the same number.
        let listed = lines.remove(at: lines.firstIndex { $0.hasPrefix("listed ") } ?? 0).dropFirst("listed ".count)
        #expect(
            lines == [
                "scan 0", "Result=success", "ExecMainStatus=0", "DynamicUser=no", "\"entries\": \(listed)",
                "\"complete\": true", "600", "verify 0", "changed 1", "ExecMainStatus=1",
                // The alert, as the journal has it: of all lines the first, and where the rest is.
                "fsscan-verify.service: something changed, or could not be compared",
            ] + (10..<20).map { "+ /etc/changed\($0)" } + [
                "… and 4 more lines", "journalctl _SYSTEMD_INVOCATION_ID=ID",
                // A path with a blank, in the instance of the template.
                "escaped fsscan-verify@srv-my\\x20data.service", "instance 0", "instance changed 1",
                "searched content: * /srv/my data/f  size 4 -> 6, sha256 27dd8ed44a83 -> f69369121844, mode 0644 -> 0600",
                "searched metadata: * /srv/my data/f  size 4 -> 6, sha256 27dd8ed44a83 -> f69369121844, mode 0644 -> 0600",
                "path /srv/my data/f", "unit fsscan-verify@srv-my\\x20data.service", "summary 1",
                "fsscan-verify@srv-my\\x20data.service: something changed, or could not be compared",
            ], "\(result) \(outcome.errorText)")
    }

    @Test(.disabled(if: isSanitized, "sanitizers make calls of their own"))
    func theServicesFilterAllowsTheCallsOfAScan() throws {
        let directory = try TemporaryDirectory(mixedTree)
        let place = try TemporaryDirectory()
        let report = place.appending("report")
        var traces: [ByteString] = []
        for options: [ByteString] in [
            ["--json", "--hash", "sha256", "-x", "-o", report], ["--json", "--hash", "sha256", "-x", "-o", report],
            ["--ndjson", "--sorted", "--mime", "--threads", "8"], [],
        ] {
            traces.append(place.appending("trace\(traces.count)"))
            _ = try output(of: ["strace", "-f", "-qq", "-o", traces.last!, Fsscan.path] + options + [directory.path])
        }
        let refused = try output(
            of: [
                Repository.python(), Repository.path("Tests/oracles/unit_calls.py"),
                Repository.path("contrib/fsscan.service"),
            ]
                + traces)
        // The owner of a replaced report: best effort, as the unit says. A helper started by root drops privileges that
        // a unit's user does not have.
        let others = String(decoding: refused, as: UTF8.self).split(separator: "\n")
        #expect(others == ["fchown"] + (isRoot ? ["setgroups", "setresuid"] : []))
    }
}
