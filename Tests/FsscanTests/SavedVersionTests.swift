// Files of saved scans from earlier versions: fixtures/saved-1 is one of 0.1.0, and never changes.

import TestSupport
import Testing

@Suite struct SavedVersionTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func shell(_ script: ByteString) throws -> ProcessOutcome {
        try Fsscan.shell(
            script, in: directory, ProcessOptions { $0.environment["V"] = Repository.path("fixtures/saved-1").text })
    }

    /// The records were printed by 0.1.0 when the scans were saved.
    @Test(arguments: [("whole", 0), ("an error", 2)] as [(ByteString, Int32)])
    func savedScansEqualThePrintedRecords(_ label: ByteString, _ status: Int32) throws {
        let records: ByteString = label == "whole" ? "whole" : "error"
        for sides in ["\"$V/scans.db#\(label)\" $V/\(records).ndjson", "$V/\(records).ndjson \"$V/scans.db#\(label)\""]
        {
            let outcome = try shell("$F diff --json --also inode,device,disk_bytes,btime,mime \(ByteString(sides))")
            #expect(outcome.status == status, "\(outcome.errorText)")
            let totals = try run(
                [
                    "jq", "-c",
                    ".totals | [.added, .removed, .content, .metadata, .kind, .moved, .new_entries_read > 13]",
                ],
                ProcessOptions { $0.input = outcome.standardOutput })
            #expect(totals.outputText == "[0,0,0,0,0,0,true]\n", "\(totals.outputText)")
        }
    }

    @Test func itIsListedComparedAndVerified() throws {
        let file = Repository.path("fixtures/saved-1/scans.db")
        let before = try output(of: ["sha256sum", file])
        let json = try output(of: [Fsscan.path, "saved", "--json", file])
        try expectValid("saved", json)
        let listed = try run(
            ["jq", "-c", "[.scans[] | [.id, .label, .totals.entries, .totals.errors, (.options.hash | length)]]"],
            ProcessOptions { $0.input = json })
        #expect(listed.outputText == "[[1,\"whole\",14,0,7],[2,\"an error\",13,2,7]]\n")
        // The tree is recreated: device, inode and ctime differ, and depending on the user the owner.
        let verify: ByteString = "$F verify --ignore ctime,uid,gid,flags"
        let whole = try shell("$V/make-tree.sh && \(verify) \"$V/scans.db#whole\"")
        #expect(
            whole.status == 0 && whole.outputText.hasPrefix("No difference.\nEvidence "),
            "\(whole.outputText)\(whole.errorText)")
        let changed = try shell("echo other > tree/a; \(verify) \"$V/scans.db#whole\"")
        #expect(changed.status == 1 && changed.outputText.hasPrefix("* tree/a  "), "\(changed.outputText)")
        let quick = try shell("\(verify) --quick --json \"$V/scans.db#1\" | jq -c .new.baseline")
        #expect(quick.outputText == "{\"reused\":0,\"read\":8,\"reread\":0,\"contradicted\":0}\n")
        #expect(try output(of: ["sha256sum", file]) == before)
    }

    /// An error after the last entry, as a missing PATH leaves it, made SQLite start over with the rows.
    @Test func aMissingLastPATHCanBeCompared() throws {
        let outcome = try shell("mkdir t; $F --save s.db t t/missing > /dev/null; $F diff s.db s.db")
        #expect(!outcome.errorText.contains("damaged"), "\(outcome.errorText)")
        #expect(
            outcome.outputText.hasPrefix("? t/missing  known neither before nor now, statx: No such file"),
            "\(outcome.outputText)")
    }
}
