// Limits on the cost that the owner of files can cause: time, memory, room in the report.

import TestSupport
import Testing

@Suite struct BudgetTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory([.directory("tree", [.file("a", "x"), .file("b", "y")])]) }

    private func shell(_ script: ByteString) throws -> ProcessOutcome { try Fsscan.shell(script, in: directory) }

    /// A user could keep files out of every digest: EAGAIN, no digest of the root, status 2 of `verify`.
    @Test(.enabled(if: isRoot, "sets /proc/sys/fs/lease-break-time"))
    func aLeasedFileIsReadWhenTheKernelHasTakenTheLease() throws {
        let outcome = try shell(
            """
            \(Attacker.lease)
            old=$(cat /proc/sys/fs/lease-break-time); trap 'echo $old > /proc/sys/fs/lease-break-time' EXIT
            echo 1 > /proc/sys/fs/lease-break-time
            lease tree/a tree/b
            $F --json --hash sha256 tree > report; status=$?; kill $holder
            jq -r '.roots[0].digests.sha256, .totals.errors' report; exit $status
            """)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        let digest = try shell("$F --json --hash sha256 tree | jq -r .roots[0].digests.sha256").outputText
        #expect(digest != "null\n" && outcome.outputText == digest + "0\n", "\(outcome.outputText)")
    }

    /// 3,000 attributes of 64 KiB took 484 MB and more; ten links made 350 MB of records.
    @Test(.enabled(if: Attacker.takesLargeAttributes, "no file system with room for attributes"), arguments: [1, 10])
    func largeExtendedAttributesAreKeptAsADigest(_ links: Int) throws {
        let directory = try TemporaryDirectory([.directory("tree", [.file("a", "x")])], in: "/dev/shm")
        let script: ByteString = """
            \(Attacker.attributes)
            attributes tree/a 40; for i in $(seq \(links - 1)); do ln tree/a tree/link$i; done
            $F --ndjson --xattrs tree > records; echo $?
            jq -c 'select(.path == "tree/a" and .type == "entry") | .xattrs' records
            jq -c 'select(.type == "error" and .path == "tree/a") | [.operation, .code]' records
            jq -s '[.[] | select(.type == "error")] | length' records
            python3 -c '
            import base64, hashlib, struct
            digest = hashlib.sha256()
            for i in range(40):
                for text in b"user.%02d" % i, bytes([i]) * 60000: digest.update(struct.pack("<Q", len(text)) + text)
            print(base64.b64encode(digest.digest()).decode())'
            """
        let outcome = try Fsscan.shell(script, in: directory)
        let lines = outcome.outputText.split(separator: "\n")
        #expect(lines.count == 5 && lines[0] == "1", "\(outcome.outputText)")
        guard lines.count == 5 else { return }
        #expect(lines[1] == "{\"\":\"\(lines[4])\"}")
        #expect(lines[2] == #"["getxattr","E2BIG"]"# && lines[3] == "\(links)")
    }

    /// A file of 1 TiB without a block took nine minutes.
    @Test func moreHolesThanAllowedAreAnError() throws {
        let outcome = try shell(
            """
            truncate -s 3M tree/sparse; printf x | dd of=tree/sparse bs=1 seek=1M conv=notrunc status=none
            for limit in 1M 3M; do
                $F --json --hash sha256 --max-holes $limit tree | jq -c '[.errors[] | [.path, .operation, .code]], .totals.errors'
            done
            truncate -s 1000G tree/sparse; $F --json --hash sha256 tree | jq -c '[.errors[] | [.path, .operation, .code]]'
            """)
        let refused = #"[["tree/sparse","read","EFBIG"]]"#
        #expect(outcome.outputText == "\(refused)\n1\n[]\n0\n\(refused)\n", "\(outcome.outputText)")
    }
}
