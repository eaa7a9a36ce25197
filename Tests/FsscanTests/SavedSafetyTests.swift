// Files of saved scans with concurrent users: two saves at once, killed saves, and users who put files beside a
// database that they may not write to.

import Glibc
import TestSupport
import Testing

@Suite struct SavedSafetyTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory([.directory("tree", [.file("a", "first"), .file("b", "second")])])
    }

    @discardableResult
    private func shell(
        _ script: ByteString, _ change: (inout ProcessOptions) -> Void = { _ in }
    ) throws -> ProcessOutcome {
        var options = ProcessOptions { $0.timeout = 60 }
        change(&options)
        return try Fsscan.shell("set -u; " + script, in: directory, options)
    }

    /// A script that must succeed.
    private func prepare(_ script: ByteString) throws {
        let outcome = try shell("set -e; " + script)
        try #require(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
    }

    private func digest(_ name: ByteString) throws -> String {
        String(decoding: try output(of: ["sha256sum", directory.appending(name)])[..<64], as: UTF8.self)
    }

    /// Every command that opens `old.db`, with the status for an unusable file.
    private static let readers: [(ByteString, Int32)] = [
        ("saved old.db", 2), ("diff old.db tree", 2), ("diff tree old.db", 2), ("verify old.db", 2),
        ("verify --quick old.db", 2), ("--hash sha256 --baseline old.db tree", 64),
    ]
    private static let writer: (ByteString, Int32) = ("--save old.db --hash sha256 tree", 74)

    private func expectRefused(_ commands: [(ByteString, Int32)], _ message: String) throws {
        let before = try digest("old.db")
        for (command, status) in commands {
            let outcome = try shell("$F \(command)")
            #expect(outcome.status == status, "\(command): \(outcome.end) \(outcome.errorText)")
            let lines = outcome.errorText.split(separator: "\n")
            #expect(lines.count == 1 && outcome.errorText.contains(message), "\(command): \(outcome.errorText)")
            #expect(outcome.standardOutput.isEmpty)
        }
        #expect(try digest("old.db") == before, "it was changed")
    }

    // MARK: Two at once

    /// The loser removed the winner's file, 18 times of 60.
    @Test func twoFirstSavesAtOnceLoseNoSavedScan() throws {
        for round in 0..<60 {
            let file = directory.appending("new\(round).db")
            let processes = try ["left", "right"].map { label in
                try RunningProcess(
                    [Fsscan.path, "--save", file, "--label", ByteString(label), directory.appending("tree")])
            }
            var saved: [String] = []
            for (label, process) in zip(["left", "right"], processes) {
                let outcome = try process.finish()
                if outcome.status == 0 { saved.append(label) }
                if outcome.status != 0 {
                    #expect(outcome.status == 74 && outcome.errorText.contains("locked"), "\(outcome.errorText)")
                }
            }
            #expect(!saved.isEmpty)
            let labels = try output(of: ["sqlite3", file, "SELECT label FROM scans ORDER BY label"])
            #expect(String(decoding: labels, as: UTF8.self) == saved.map { $0 + "\n" }.joined())
        }
    }

    /// The process that created the file is stopped, and others save in it as soon as it releases the lock.
    @Test func aFileThatOthersHaveSavedInIsNotRemoved() throws {
        let paths = [ByteString](repeating: "/usr", count: 2000)
        for round in 0..<10 {
            let file = directory.appending("new\(round).db")
            let first = try RunningProcess([Fsscan.path, "--save", file] + paths)
            try first.waitUntilItHandles(SIGTERM)
            usleep(100_000)
            let others = try RunningProcess([
                "sh", "-c", #"until "$0" --save "$1" --label "$1" "$2" 2> /dev/null > /dev/null; do :; done"#,
                Fsscan.path, file,
                directory.appending("tree"),
            ])
            first.send(SIGTERM)
            _ = try first.finish()
            #expect(try others.finish().status == 0)
            let count = try output(of: ["sqlite3", file, "SELECT count(*) FROM scans"])
            #expect(String(decoding: count, as: UTF8.self) == "1\n")
        }
    }

    @Test func aFileThatIsReplacedMeanwhileIsNotSavedInUnnoticed() throws {
        try prepare("$F --save old.db tree && cp old.db other.db")
        let process = try RunningProcess(
            [Fsscan.path, "--save", directory.appending("old.db")] + [ByteString](repeating: "/usr/share", count: 3))
        // The journal exists as soon as something was written.
        try prepare("until [ -e old.db-journal ]; do sleep 0.01; done; mv other.db old.db")
        let outcome = try process.finish()
        #expect(outcome.status == 74 && outcome.errorText.contains("was removed or replaced"), "\(outcome.errorText)")
    }

    /// The last step of a save, after the scan, used to fail while another process was reading.
    @Test func aSaveWaitsForReaders() throws {
        try prepare("$F --save old.db tree")
        let reader = try RunningProcess([
            "python3", "-c",
            """
            import sqlite3, sys, time
            c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN'); c.execute('SELECT * FROM scans').fetchone()
            open(sys.argv[1] + '.read', 'w'); time.sleep(2)
            """, directory.appending("old.db"),
        ])
        try prepare("while [ ! -e old.db.read ]; do sleep 0.05; done; $F --save old.db tree > /dev/null")
        _ = try reader.finish()
        try prepare("[ $(sqlite3 old.db 'SELECT count(*) FROM scans') = 2 ]")
    }

    /// Reopening and closing a file would drop the locks of the side that is already open.
    @Test func aComparisonOfTwoScansOfOneFileLocksOutWriters() throws {
        try prepare(
            "for i in $(seq 4000); do echo > tree/$i; done; $F --save old.db tree; touch tree/*; $F --save old.db tree")
        // The output does not fit into the pipe, which is not read yet.
        try prepare(
            """
            $F diff 'old.db#1' 'old.db#2' | { sleep 1; sqlite3 old.db 'BEGIN EXCLUSIVE' 2> locked; cat > /dev/null; } || true
            grep -q 'database is locked' locked
            """)
    }

    // MARK: Journals

    @Test func readersDoNotRollBackAHotJournal() throws {
        try prepare(
            """
            \(Attacker.interrupt)
            for i in $(seq 300); do echo > tree/$i; done
            $F --save whole.db --hash sha256 tree; interrupt whole.db old.db "\(Attacker.longRows)"
            """)
        try expectRefused(Self.readers, "sqlite3 FILE 'PRAGMA quick_check'")
        #expect(try shell("ls").outputText == "old.db\nold.db-journal\ntree\nwhole.db\n")
        // The command in the message repairs it; so does the next save.
        try prepare(
            """
            mkdir save; cp old.db* save; sqlite3 old.db 'PRAGMA quick_check'; cmp old.db whole.db; $F verify old.db
            cd save; $F --save old.db ../tree; [ $(sqlite3 old.db 'SELECT count(*) FROM scans') = 2 ]; [ ! -e old.db-journal ]
            """)
    }

    /// A user who may only read cannot roll the change back either.
    @Test(.enabled(if: isRoot, "needs another user")) func anOrdinaryUserGetsAdvice() throws {
        try prepare(
            """
            \(Attacker.interrupt)
            for i in $(seq 300); do echo > tree/$i; done
            $F --save whole.db --mode 644 --hash sha256 tree; interrupt whole.db old.db "\(Attacker.longRows)"; chmod 755 .
            """)
        _ = try Fsscan.copy(to: directory)
        let outcome = try shell("./fsscan-copy saved old.db") { $0.asOrdinaryUser = true }
        #expect(outcome.status == 2 && outcome.errorText.contains("FILE-journal of uid 0"), "\(outcome.errorText)")
    }

    /// Root's database in a directory where anybody may create files: the journal contains rows that root never saved.
    @Test(
        .enabled(if: isRoot, "needs another user"),
        arguments: ["", "chmod 660 old.db-journal;", "ln old.db-journal more;"])
    func aPlantedJournalIsNotPlayedBack(_ further: String) throws {
        // Owned by root, but writable by others, or with other names: a hard link to a file chosen by an attacker.
        let owner = further.isEmpty ? "chown 65534 old.db-journal;" : ""
        try prepare(
            """
            \(Attacker.interrupt)
            for i in $(seq 300); do echo > tree/$i; done
            $F --save old.db --hash sha256 tree; chmod 1777 .; cp old.db forged.db
            sqlite3 forged.db "UPDATE scans SET label = 'forged'; UPDATE entries SET uid = 7"
            interrupt forged.db unused.db "\(Attacker.longRows)"
            cp unused.db-journal old.db-journal; \(ByteString(owner + further))
            """)
        // It would be played back: sqlite3 does so.
        try prepare(
            "mkdir theirs; cp old.db old.db-journal theirs; sqlite3 theirs/old.db 'PRAGMA user_version'; ! cmp -s old.db theirs/old.db"
        )
        try expectRefused(Self.readers, "FILE-journal")
        try expectRefused([Self.writer], "which is not rolled back")
    }

    @Test(.enabled(if: isRoot, "needs another user")) func aPlantedWriteAheadLogIsNotRead() throws {
        try prepare(
            """
            $F --save old.db --label mine --hash sha256 tree; cp old.db forged.db
            \(Attacker.log)
            log forged.db old.db "UPDATE scans SET label = 'forged'"
            chown 65534 old.db-wal
            mkdir theirs; cp old.db old.db-wal theirs; [ $(sqlite3 theirs/old.db 'SELECT label FROM scans') = forged ]
            """)
        try expectRefused(Self.readers + [Self.writer], "FILE-wal of uid 65534")
    }

    @Test func aFileThatWasSwitchedToWALIsRefusedUntilItIsSwitchedBack() throws {
        try prepare("$F --save old.db --hash sha256 tree; sqlite3 old.db 'PRAGMA journal_mode = WAL'")
        try expectRefused(Self.readers + [Self.writer], "sqlite3 FILE 'PRAGMA journal_mode = DELETE'")
        try prepare("sqlite3 old.db 'PRAGMA journal_mode = DELETE'; $F verify old.db; $F --save old.db tree 2> printed")
        let printed = try shell("sed -n 's/.*sha256 of the file: //p' printed").outputText
        #expect(try digest("old.db") + "\n" == printed)
    }

    @Test(arguments: ["-journal", "-wal"]) func aFIFOBesideADatabaseIsNotWaitedFor(_ suffix: String) throws {
        try prepare("$F --save old.db --hash sha256 tree; mkfifo old.db\(ByteString(suffix))")
        try expectRefused(Self.readers + [Self.writer], "FILE\(suffix)")
    }

    // MARK: One state

    /// The name of the file constantly changes between two files. Never may one be hashed and the other compared.
    @Test func theHashedBytesAreTheComparedBytes() throws {
        try prepare(
            """
            $F --save good.db --hash sha256 tree; echo trojan > tree/a; $F --save evil.db --hash sha256 tree
            (cd tree; sha256sum b > ../good.list; sha256sum a b > ../evil.list)
            for kind in db list; do
                (while [ ! -e done ]; do ln -f good.$kind new; mv -f new old.$kind; ln -f evil.$kind new; mv -f new old.$kind
                done) & sleep 0.1
                expect=$(sha256sum < good.$kind | cut -c1-64)
                for round in $(seq 60); do
                    if $F verify --expect $expect old.$kind tree > /dev/null 2>&1; then status=0; else status=$?; fi
                    echo $status
                done > status.$kind
                touch done; wait; rm done
            done
            """)
        for kind in ["db", "list"] {
            let statuses = Set(try shell("sort -u status.\(ByteString(kind))").outputText.split(separator: "\n"))
            // 0 would be the trojan's scan with the digest of the other.
            #expect(statuses.isSubset(of: ["1", "2"]) && !statuses.isEmpty, "\(kind): \(statuses)")
        }
    }

    // MARK: Inputs that never end

    @Test(arguments: ["mkfifo old.db", "mknod old.db c 1 5", "mkdir old.db"])
    func anythingButAFileIsRefusedWithoutWaiting(_ make: String) throws {
        guard make.hasPrefix("mkfifo") || make.hasPrefix("mkdir") || isRoot else { return }
        try prepare(ByteString(make))
        for (command, status) in Self.readers + [Self.writer, ("--files-from old.db", 64)] {
            if make == "mkdir old.db", command.text.contains("diff") { continue }
            let outcome = try shell("$F \(command)")
            #expect(outcome.status == status, "\(command): \(outcome.end)")
            #expect(outcome.errorText.contains("directory") || outcome.errorText.contains("is no regular file"))
        }
    }

    @Test func standardInputMayBeAPipe() throws {
        let list: ByteString = "(cd tree; sha256sum a b)"
        let commands: [ByteString] = [
            "\(list) | $F verify --only content,removed - tree", "$F diff --only content,removed <(\(list)) tree",
            "\(list) | $F diff --only content,removed /dev/stdin tree", "printf 'tree\\0' | $F --files-from -",
            "printf 'tree\\0' | $F --files-from /dev/stdin", "$F --files-from /dev/null",
            #"\#(list) > l; $F verify --expect $(sha256sum < l | cut -c1-64) --only content,removed - tree < l"#,
            #"\#(list) | $F verify --expect $(\#(list) | sha256sum | cut -c1-64) --only content,removed - tree"#,
        ]
        for command in commands {
            let outcome = try shell(command)
            #expect(outcome.status == 0, "\(command): \(outcome.outputText)\(outcome.errorText)")
        }
        #expect(try shell("$F --save old.db tree; $F verify - < old.db").status == 2)
    }
}
