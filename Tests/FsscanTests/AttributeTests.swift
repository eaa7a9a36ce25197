// --xattrs: the values that the kernel reports to Python, for every kind of entry.

import TestSupport
import Testing

@Suite struct AttributeTests {
    @Test(.enabled(if: isRoot, "trusted attributes, capabilities and devices need root"))
    func attributesOfEveryKindAgreeWithPython() throws {
        let directory = try TemporaryDirectory([
            .directory("tree", [.file("acl", "a"), .file("cap", "c"), .directory("dir"), .file("none")])
        ])
        let options = ProcessOptions { $0.directory = directory.path }
        let prepare = """
            cd tree && setfacl -m u:33:rwx acl && setfacl -d -m u:34:rx dir && setcap cap_net_raw+ep cap
            ln -s acl link && mkfifo fifo && mknod dev c 1 5 && python3 -c '
            import os
            os.setxattr("acl", b"user.b\\xff", b"\\0\\1"); os.setxattr("cap", "user.big", b"x" * 2000)
            os.setxattr("dir", "user.empty", b"")
            for name in "link", "fifo", "dev": os.setxattr(name, "trusted.t", b"v", follow_symlinks=False)'
            """
        let prepared = try run(["sh", "-ec", ByteString(prepare)], options)
        try #require(prepared.status == 0, "\(prepared.errorText)")
        let check = """
            import base64, json, os, sys
            count = 0
            for line in sys.stdin.buffer:
                item = json.loads(line)
                if item['type'] != 'entry': continue
                path = item['path']
                want = {os.fsencode(name): os.getxattr(path, name, follow_symlinks=False)
                        for name in os.listxattr(path, follow_symlinks=False)}
                have = {name.encode(): value for name, value in item['xattrs'].items()}
                have |= {base64.b64decode(name): value for name, value in item.get('xattrs_b64', {}).items()}
                assert {name: base64.b64decode(value) for name, value in have.items()} == want, line
                count += len(want)
            print(count)
            """
        for algorithms: [ByteString] in [[], ["--hash", "sha256"]] {
            let scan = try Fsscan.run(["--ndjson", "--xattrs"] + algorithms + ["tree"], options)
            #expect(scan.status == 0, "\(scan.errorText)")
            let read = ProcessOptions {
                $0.directory = directory.path
                $0.input = scan.standardOutput
            }
            let outcome = try run(["python3", "-c", ByteString(check)], read)
            #expect(outcome.outputText == "9\n", "\(outcome.errorText)")
        }
    }

    @Test(.enabled(if: hasFlags, "needs root, and a file system with flags behind $TMPDIR"))
    func immutableFilesSayThatTheyAre() throws {
        let directory = try TemporaryDirectory([.file("fixed"), .file("log"), .file("plain")])
        let options = ProcessOptions { $0.directory = directory.path }
        _ = try output(of: ["sh", "-c", "chattr +i fixed && chattr +a log"], options)
        defer { _ = try? run(["chattr", "-ia", "fixed", "log"], options) }
        let scan = try Fsscan.run(["--ndjson", "--sorted", "."], options).standardOutput
        let flags = try output(
            of: ["jq", "-c", "select(.kind == \"file\") | .flags"], ProcessOptions { $0.input = scan })
        #expect(String(decoding: flags, as: UTF8.self) == "[\"immutable\"]\n[\"append_only\"]\n[]\n")
        let spec = try Fsscan.run(["--format", "mtree", "."], options).outputText
        #expect(spec.contains("flags=schg\n") && spec.contains("flags=sappnd\n"))
    }
}

/// Whether files may be made immutable: not every file system has the flag.
private let hasFlags: Bool = {
    guard let directory = try? TemporaryDirectory([.file("file")]) else { return false }
    return (try? run(["sh", "-c", "chattr +i \"$0\" && chattr -i \"$0\"", directory.appending("file")]).status) == 0
}()
