// The parts of the command line code that need no process.

import Entries
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

@Suite struct InvocationTests {
    @Test func argumentsComeBackByteByByte() throws {
        var arguments: [[UInt8]] = (1...255).map { [UInt8($0)] }
        arguments += [Array(1...255), [], Array("\u{10F7FF}\u{10F700}é".utf8), [0xF4, 0x8F, 0x9C]]
        for bytes in arguments {
            let carried = CarriedArgument(bytes: bytes).carried
            #expect(CarriedArgument(carried: carried).bytes == bytes)
            // No two mapped bytes become one Character, and none combines with an `=` before it.
            #expect(carried.count == bytes.count)
            #expect("=\(carried)".count == bytes.count + 1)
        }
    }

    @Test func optionValuesAreBytes() throws {
        let accent: [UInt8] = [0xCC, 0x81, 0xFF]
        let arguments = [
            Array("--output=".utf8) + accent, Array("--exclude".utf8), Array("-x".utf8), Array("--exclude".utf8),
            accent,
            Array("-x".utf8), [0xFF, 0xFE], Array("--".utf8), Array("--json".utf8),
        ]
        guard case .scan(let settings) = try Invocation(arguments.map { CarriedArgument(bytes: $0) }) else {
            Issue.record("not a scan")
            return
        }
        #expect(settings.output == accent)
        #expect(settings.options.exclude == [Array("-x".utf8), accent])
        #expect(settings.paths == [[0xFF, 0xFE], Array("--json".utf8)])
        #expect(settings.options.oneFileSystem)
        #expect(settings.format == .text)
    }

    @Test(arguments: [
        ("a b c d", "a b c d", ""), ("a -x b c", "a b c", "x"), ("-o a b c d -x", "b c d", "ox"),
        ("-oa b c", "b c", "o"), ("a b -o c d e -x f g h", "a b d e f g h", "ox"),
        ("a b -- -x -- c -o d", "a b -x -- c -o d", ""),
        ("-x -- a", "a", "x"), ("-o -x a b", "a b", "o"), ("scan a b", "a b", ""), ("a scan", "a scan", ""),
        ("--top 3 -x a - b", "a - b", "x"), ("--files-from - a b", "a b", ""),
    ])
    func pathsKeepTheirOrderAmongOptions(_ line: String, _ paths: String, _ options: String) throws {
        let arguments = line.split(separator: " ").map { CarriedArgument(bytes: Array($0.utf8)) }
        guard case .scan(let settings) = try Invocation(arguments) else {
            Issue.record("not a scan")
            return
        }
        #expect(settings.paths.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") == paths)
        #expect(settings.options.oneFileSystem == options.contains("x"))
        #expect((settings.output != nil) == options.contains("o"))
    }

    @Test func manyPathsTakeNoLongerThanFew() throws {
        // The parser alone would need a quarter of an hour: a test that ends has passed.
        let paths = (0..<100_000).map { CarriedArgument(bytes: Array("\($0)".utf8)) }
        guard case .scan(let settings) = try Invocation(paths) else {
            Issue.record("not a scan")
            return
        }
        #expect(settings.paths == paths.map(\.bytes))
    }

    @Test func aListOfPathsIsSplitAtNULs() {
        let nuls = FilesFrom.nulSeparated([])
        #expect(nuls.split([]) == [])
        #expect(nuls.split([0x61, 0]) == [[0x61]])
        #expect(nuls.split([0x61, 0x0A, 0, 0, 0xFF]) == [[0x61, 0x0A], [], [0xFF]])
        let lines = FilesFrom.lines([])
        #expect(lines.split([]) == [])
        #expect(lines.split([0x61, 0x0A]) == [[0x61]])
        #expect(lines.split([0x0A, 0x61, 0x20, 0x0A, 0x0A, 0xFF]) == [[0x61, 0x20], [0xFF]])
    }

    @Test(
        arguments: [
            ("0", 0), ("1023", 1023), ("1K", 1024), ("1k", 1024), ("1KiB", 1024), ("1kib", 1024), ("1KB", 1000),
            ("10MB", 10_000_000), ("10M", 10 << 20), ("1.5G", 3 << 29), ("1.5GB", 1_500_000_000), ("0.1K", 102),
            ("2.25T", 9 << 38), ("1P", 1 << 50), ("7E", 7 << 60), ("8E", .max), ("9.5EB", .max),
            ("9EB", 9_000_000_000_000_000_000),
            ("0.999999999999999999999K", 1023), ("99999999999999999999", .max), ("007K", 7168),
            ("", nil), ("K", nil), ("1.5", nil), (".5K", nil), ("1.K", nil), ("-1", nil), ("+1", nil), ("1 K", nil),
            ("1B", nil), ("1Ki", nil), ("1KiBB", nil), ("1X", nil), ("1,5G", nil), ("1e3", nil), ("1..5K", nil),
        ] as [(String, Int64?)])
    func aSizeIsReadAsTheCoreutilsDo(_ text: String, _ bytes: Int64?) {
        #expect(SizeArgument.bytes(Array(text.utf8)) == bytes)
    }

    /// truncate(1) reads the same sizes, without fractions.
    @Test(arguments: ["7", "3K", "3KB", "3KiB", "2M", "2MB", "2MiB", "5G", "5GB", "1T", "1TB"])
    func aSizeIsThatOfTruncate(_ text: String) throws {
        let directory = try TemporaryDirectory(in: "/dev/shm")
        let file = directory.appending("f")
        _ = try output(of: ["truncate", "-s", ByteString(text), file])
        let size = String(decoding: try output(of: ["stat", "-c", "%s", file]), as: UTF8.self)
        #expect(SizeArgument.bytes(Array(text.utf8)).map { "\($0)\n" } == size)
    }

    // MARK: Control groups

    private func limit(_ cgroup: String, _ mountinfo: String, _ files: [(String, String)]) throws -> Double? {
        let root = try TemporaryDirectory([
            .directory(
                "proc",
                [.directory("self", [.file("cgroup", ByteString(cgroup)), .file("mountinfo", ByteString(mountinfo))])])
        ])
        for (path, text) in files {
            let script = #"mkdir -p "$(dirname "$0")"; printf %s "$1" > "$0""#
            _ = try output(of: ["bash", "-c", ByteString(script), root.path + ByteString(path), ByteString(text)])
        }
        return CPULimit(root: root.path.text).processors
    }

    private let version2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

    @Test func theLeastOfAllAncestorsLimits() throws {
        let group = "/sys/fs/cgroup"
        let files = [
            ("\(group)/a.slice/cpu.max", "150000 100000\n"), ("\(group)/a.slice/b/cpu.max", "max 100000\n"),
            ("\(group)/a.slice/b/c/cpu.max", "400000 100000\n"), ("\(group)/other/cpu.max", "1000 100000\n"),
        ]
        #expect(try limit("0::/a.slice/b/c\n", version2, files) == 1.5)
        #expect(try limit("0::/a.slice/b/c\n", version2, [files[1], files[2]]) == 4)
        #expect(try limit("0::/\n", version2, files) == nil)
        #expect(try limit("", version2, files) == nil)
    }

    @Test func aContainerSeesItsOwnGroupAtTheMountPoint() throws {
        let mount = "30 23 0:26 /docker/abc /sys/fs/cg\\040roup rw - cgroup2 cgroup2 rw\n"
        let files = [("/sys/fs/cg roup/cpu.max", "50000 100000\n"), ("/sys/fs/cg roup/x/cpu.max", "20000 100000\n")]
        #expect(try limit("0::/docker/abc\n", mount, files) == 0.5)
        #expect(try limit("0::/docker/abc/x\n", mount, files) == 0.2)
        #expect(try limit("0::/../elsewhere\n", mount, files) == 0.5)
    }

    @Test func versionOneLimitsToo() throws {
        let mounts =
            "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            + "32 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        let group = "/sys/fs/cgroup/cpu,cpuacct/job"
        let period = ("\(group)/cpu.cfs_period_us", "100000\n")
        let membership = "5:memory:/other\n4:cpu,cpuacct:/job\n0::/\n"
        #expect(try limit(membership, mounts, [("\(group)/cpu.cfs_quota_us", "250000\n"), period]) == 2.5)
        #expect(try limit(membership, mounts, [("\(group)/cpu.cfs_quota_us", "-1\n"), period]) == nil)
    }

    /// A name with a carriage return at its end hid the rest of its line; one that is not UTF-8 was not found.
    @Test func groupsHaveNamesOfAnyBytes() throws {
        for name in [Array("a\r".utf8), [0xFF], Array("e\u{301}".utf8)] {
            var asked: [[UInt8]] = []
            let limit = CPULimit { path in
                asked.append(path)
                switch asked.count {
                case 1: return Array("0::/".utf8) + name + Array("\n1:name=x:/\n".utf8)
                case 2: return Array(version2.utf8)
                default: return path.starts(with: Array("/sys/fs/cgroup/".utf8) + name) ? Array("3 2\n".utf8) : nil
                }
            }
            #expect(limit.processors == 1.5, "\(asked)")
        }
    }

    @Test func nonsenseIsNoLimit() throws {
        for text in ["", "max\n", "x y\n", "100000 0\n", "-5 100000\n", "1 2 3\n", "inf inf\n"] {
            #expect(try limit("0::/\nnonsense\n", version2 + "short line\n", [("/sys/fs/cgroup/cpu.max", text)]) == nil)
        }
    }
}
