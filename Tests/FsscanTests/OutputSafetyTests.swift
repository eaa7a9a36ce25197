// Places that are not written to, and the visible attributes of those that are: root's outputs where others may write,
// files that cannot be replaced, modes. Each refusal is one line before the scan; a missing PATH would make it two if
// the scan had started.

import Glibc
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

/// Root, another user, and directories of theirs.
private struct Stage {
    let directory: TemporaryDirectory
    private let tools: TemporaryDirectory
    private let program: ByteString

    /// The user as which `user` runs.
    static let uid = 1234

    init() throws {
        directory = try TemporaryDirectory([
            .directory("tree", [.file("f", "x")]), .directory("sticky"), .directory("home"), .file("victim", "before"),
        ])
        tools = try TemporaryDirectory()
        program = try Fsscan.copy(to: tools)
        _ = try output(of: ["chmod", "1777", directory.appending("sticky")])
        _ = try output(of: ["chown", "\(Self.uid)", directory.appending("home")])
        _ = try output(of: [program, "--save", directory.appending("saved.db"), directory.appending("tree")])
    }

    private static let prologue = """
        user() { setpriv --reuid=\(uid) --regid=\(uid) --clear-groups -- "$@"; }
        # The exit status and the messages: a scan would report a missing PATH.
        try() {
            status=0; "$@" >out 2>err || status=$?
            echo "$status $(sed "s/^fsscan: //; s/‘//g; s/’//g" err | paste -sd '|')"
        }
        set -eu

        """

    /// The output of a script in the directory, in its own mount namespace.
    func run(_ script: String, umask: String = "022") throws -> [String] {
        let options = ProcessOptions {
            $0.directory = directory.path
            $0.environment = ["F": String(decoding: program.bytes, as: UTF8.self), "LC_ALL": "C.UTF-8"]
        }
        let text = "umask \(umask)\n" + Self.prologue + script
        let outcome = try TestSupport.run(["unshare", "-m", "bash", "-c", ByteString(text)], options)
        guard outcome.status == 0 else { throw Failure("\(outcome.end): \(outcome.outputText)\(outcome.errorText)") }
        return outcome.outputText.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { String($0) }
    }
}

private let canMakeLoops: Bool =
    isRoot && canMount && kernelKnows("ext4") && Glibc.access("/dev/loop-control", F_OK) == 0

/// Every option that names an output file, and the line that a scan would print.
private let options: [(option: String, rest: String)] = [
    ("-o", "tree missing"), ("--trace", "tree missing"), ("--save", "tree missing"), ("diff -o", "tree tree"),
    ("verify -o", "saved.db"), ("saved -o", "saved.db"),
]

@Suite(.enabled(if: isRoot && canMount, "needs root, and mount namespaces"))
struct OutputSafetyTests {
    // MARK: What cannot be replaced

    /// On ext4, which supports the attributes.
    @Test(.enabled(if: canMakeLoops, "needs loop devices and ext4"), arguments: options.indices)
    func protectedOutputsAreRefusedBeforeTheScan(_ index: Int) throws {
        let (option, rest) = options[index]
        let lines = try Stage().run(
            """
            mkdir m; truncate -s 20M image; mkfs.ext4 -q image; mount -o loop image m
            cd m; mkdir appending; touch append-only immutable; chattr +a append-only appending; chattr +i immutable; cd ..
            try "$F" \(option) m/append-only \(rest)
            try "$F" \(option) m/immutable \(rest)
            try "$F" \(option) m/appending/new \(rest)
            ls m/appending; chattr -R -a -i m
            """)
        #expect(
            lines == [
                "74 m/append-only: an append-only file: Operation not permitted",
                "74 m/immutable: an immutable file: Operation not permitted",
                "74 m/appending/new: its directory is append-only: Operation not permitted",
            ])
    }

    /// A file that the user could write to by its mode; but it cannot be replaced.
    @Test func anothersFileInAStickyDirectoryIsRefusedBeforeTheScan() throws {
        let lines = try Stage().run(
            """
            echo before >sticky/file; chmod 666 sticky/file; chmod 777 .
            try user "$F" -o sticky/file tree missing
            try user "$F" --trace sticky/file tree missing
            cat sticky/file
            """)
        let line = "74 sticky/file: another user's file: Operation not permitted"
        #expect(lines == [line, line, "before"])
    }

    @Test(arguments: options.indices.filter { options[$0].option != "--save" })
    func aMountPointIsWrittenInPlaceAndThatIsSaidBefore(_ index: Int) throws {
        let (option, rest) = options[index]
        // Longer than the new content.
        let lines = try Stage().run(
            """
            head -c 100000 /dev/zero >below; touch point; mount --bind below point; chmod 640 below; chown 7:8 below
            try "$F" \(option) point \(rest)
            stat -c '%a %u %g' below; test -s below && tr -d '\\0' <below | cmp - below && echo whole
            """)
        let warning = "warning: point is a mount point, so it is written in place: it is incomplete until fsscan ends"
        #expect(lines[0].contains(warning) && !lines[0].hasPrefix("74"), "\(lines)")
        // Before the scan.
        #expect(lines[0].dropFirst(2).hasPrefix(warning))
        #expect(lines[1] == "640 7 8")
        #expect(lines[2] == "whole")
    }

    /// As before Linux 5.8, whose statx does not report it.
    @Test(arguments: ["ENOSYS", "EPERM"])
    func aMountPointIsSeenWithoutStatx(_ code: String) throws {
        let refuse = try CProgram.refuse.get().path
        let lines = try Stage().run(
            """
            touch point; mount --bind victim point
            try \(refuse) \(code) statx "$F" --json -o point tree; head -c 1 victim; echo
            try \(refuse) \(code) statx "$F" --json -o victim tree
            """)
        #expect(lines.count == 3 && lines[0].hasPrefix("0 warning: point is a mount point"), "\(lines)")
        #expect(lines[1...] == ["{", "0 "])
    }

    @Test func aMountPointThatIsReadOnlyIsRefused() throws {
        let lines = try Stage().run(
            """
            touch point; mount --bind victim point; mount -o remount,bind,ro point
            try "$F" -o point tree missing; cat victim; echo
            """)
        #expect(lines == ["74 point: Read-only file system", "before"])
    }

    @Test func aScanStoppedBeforeItWritesLeavesTheOldOutput() throws {
        let lines = try Stage().run(
            """
            touch point; mount --bind victim point
            try "$F" -o point --save /nowhere/x.db tree missing; cat victim; echo
            """)
        #expect(lines.count == 2 && lines[0].hasPrefix("74 ") && lines[1] == "before", "\(lines)")
    }

    @Test func onesOwnFileInAClosedDirectoryIsWrittenInPlace() throws {
        let lines = try Stage().run(
            """
            chmod 777 .; mkdir closed; echo before >closed/file; chown 1234 closed closed/file; chmod 555 closed
            try user "$F" --json -o closed/file tree
            head -c 1 closed/file; tail -n 1 closed/file
            touch closed/theirs; chmod 666 closed/theirs
            try user "$F" -o closed/theirs tree missing
            """)
        #expect(
            lines == [
                "0 warning: closed/file cannot be replaced (Permission denied), so it is written in place: "
                    + "it is incomplete until fsscan ends", "{}",
                "74 closed/theirs: another user's file: Permission denied",
            ])
    }

    // MARK: Traps set by others

    @Test(arguments: options)
    func otherUsersFilesInAStickyDirectoryAreRefused(option: String, rest: String) throws {
        let lines = try Stage().run(
            """
            user sh -c 'cd sticky; echo his >file; ln -s ../victim link; ln -s ../new dangling; mkfifo fifo; ln -s .. up;
                ln -s /dev/stdout stream'
            for name in file link dangling fifo up/victim up/new stream; do try "$F" \(option) sticky/$name \(rest); done
            cat sticky/file victim; echo; ls
            """)
        func line(_ name: String, _ kind: String) -> String {
            "74 sticky/\(name): \(kind) of uid 1234, in a directory that others may write to: Permission denied"
        }
        let link = "a symbolic link"
        #expect(
            lines == [
                line("file", "a file"), line("link", link), line("dangling", link), line("fifo", "a special file"),
                line("up/victim", link), line("up/new", link), line("stream", link), "his", "before", "err", "home",
                "out",
                "saved.db", "sticky", "tree", "victim",
            ])
    }

    /// The same if the group may write, or the directory belongs to another user.
    @Test(arguments: ["chmod 775 place", "chown 4321 place; chmod 755 place"])
    func othersMayWriteToGroupWritableAndForeignDirectories(_ change: String) throws {
        let lines = try Stage().run(
            """
            mkdir place; echo his >place/file; ln -s ../victim place/link; chown -h 1234 place/*; \(change)
            try "$F" -o place/file tree missing; try "$F" -o place/link tree missing; cat victim; echo
            """)
        #expect(lines.count == 3 && lines[2] == "before", "\(lines)")
        #expect(lines[0].hasPrefix("74 place/file: a file of uid 1234, in"), "\(lines)")
        #expect(lines[1].hasPrefix("74 place/link: a symbolic link of uid 1234, in"), "\(lines)")
    }

    @Test(.enabled(if: canMakeLoops, "needs loop devices"), arguments: options)
    func aLinkToABlockDeviceIsNotFollowed(option: String, rest: String) throws {
        let lines = try Stage().run(
            """
            head -c 1048576 /dev/zero | tr '\\0' d >disk; cp disk before; device=$(losetup --show -f disk)
            trap 'losetup -d $device' EXIT
            user ln -s $device sticky/link; user ln -s $device home/link
            try "$F" \(option) sticky/link \(rest); try "$F" \(option) home/link \(rest)
            sync; cmp disk before && echo same
            """)
        #expect(lines.count == 3 && lines[0].hasPrefix("74 ") && lines[1].hasPrefix("74 "), "\(lines)")
        #expect(lines.last == "same")
    }

    /// Where they could have written themselves.
    @Test(arguments: options.dropLast(2))
    func linksOfADirectorysOwnerLeadIntoHisDirectoriesAlone(option: String, rest: String) throws {
        let lines = try Stage().run(
            """
            user sh -c 'cd home; mkdir d; ln -s d/file inside; ln -s ../victim out; ln -s ../new dangling; ln -s /dev/null null'
            for name in out dangling null inside inside; do try "$F" \(option) home/$name \(rest); done
            cat victim; echo; stat -c '%a %u %F' home/d/file; test -e new || echo none
            """)
        func line(_ name: String) -> String {
            "74 home/\(name): a symbolic link of uid 1234 leads out of that user's directories: Permission denied"
        }
        #expect(Array(lines.prefix(3)) == ["out", "dangling", "null"].map(line), "\(lines)")
        #expect(!lines[3].hasPrefix("74") && !lines[4].hasPrefix("74"), "\(lines)")
        #expect(Array(lines.suffix(3)) == ["before", "600 0 regular file", "none"])
    }

    /// Root's own links are followed anywhere; an ordinary user's by that user.
    @Test func linksAreFollowedAsBefore() throws {
        let lines = try Stage().run(
            """
            ln -s ../victim sticky/link; ln -s ../none sticky/dangling; chmod 777 .
            try "$F" --json -o sticky/link tree; try "$F" --json -o sticky/dangling tree
            head -c 1 victim none | grep -c '{'; stat -c %F sticky/link sticky/dangling
            user ln -s ../user sticky/own; user ln -s nowhere home/own; user ln -s home/own own
            try user "$F" --json -o sticky/own tree; try user "$F" --json -o own tree; stat -c '%u %F' user home/nowhere own
            """)
        let link = "symbolic link"
        #expect(
            lines == [
                "0 ", "0 ", "2", link, link, "0 ", "0 ", "1234 regular file", "1234 regular file", "1234 \(link)",
            ])
    }

    @Test func aPipeOrFileWithASecondNameIsNotWrittenTo() throws {
        let lines = try Stage().run(
            """
            mkfifo pipe; ln pipe sticky/pipe; ln victim sticky/file; mount --bind sticky/file sticky/file
            try "$F" -o sticky/pipe tree missing; try "$F" -o sticky/file tree missing; cat victim; echo
            """)
        let line = "it has another name, and others may write to its directory: Permission denied"
        #expect(lines == ["74 sticky/pipe: \(line)", "74 sticky/file: \(line)", "before"])
    }

    @Test(arguments: ["-journal", "-wal", "-shm"])
    func aJournalThatOthersHavePutBesideASavedScanIsRefused(_ suffix: String) throws {
        let lines = try Stage().run(
            """
            cp saved.db sticky/scans.db; user sh -c 'echo his >sticky/scans.db\(suffix); ln -s ../victim sticky/new.db\(suffix)'
            try "$F" --save sticky/scans.db tree missing; try "$F" --save sticky/new.db tree missing; cat victim; echo; ls sticky
            """)
        #expect(lines.count == 6 && lines[2] == "before", "\(lines)")
        // By either of the two rules: that of outputs, or that of files beside a database.
        for (line, name) in zip(lines, ["scans.db", "new.db"]) {
            #expect(line.hasPrefix("74 sticky/\(name): ") && line.contains(" of uid 1234"), "\(lines)")
        }
        #expect(!lines.contains("new.db"))
    }

    // MARK: Owners and modes

    @Test func noOutputIsGivenToTheOwnerOfAnEarlierFile() throws {
        let lines = try Stage().run(
            """
            user sh -c 'echo his >home/report; chmod 666 home/report'
            mkdir closed; echo >closed/report; chown 5:6 closed/report; chmod 640 closed/report
            echo >sticky/report; chgrp 6 sticky/report; chmod 640 sticky/report
            for place in home closed sticky; do try "$F" -o $place/report tree; stat -c '%a %u %g' $place/report; done
            """)
        #expect(lines == ["0 ", "600 0 0", "0 ", "640 5 6", "0 ", "640 0 6"])
    }

    @Test(arguments: options)
    func rootsOutputsBelongToRoot(option: String, rest: String) throws {
        let rest = rest.replacing(" missing", with: "")
        let lines = try Stage().run(
            """
            for mode in '' '--mode 0644' '--mode 444' '--mode=0'; do
                rm -f sticky/new; "$F" \(option) sticky/new $mode \(rest) >/dev/null 2>&1; stat -c '%a %u' sticky/new
            done
            touch old; chmod 664 old; "$F" \(option) old \(rest) >/dev/null 2>&1; stat -c %a old
            "$F" \(option) old --mode 604 \(rest) >/dev/null 2>&1; stat -c %a old
            """, umask: "002")
        // The owner can still save in the file.
        let modes = option == "--save" ? ["644 0", "600 0"] : ["444 0", "0 0"]
        #expect(lines == ["600 0", "644 0"] + modes + ["664", "604"])
    }

    @Test func otherUsersOutputsObeyTheUmaskAndTheMode() throws {
        let lines = try Stage().run(
            """
            cd home
            for mode in '' '--mode 0666'; do
                rm -f r t s; try user "$F" -o r --trace t --save s $mode ../tree | cut -c 1; stat -c %a r t s
            done
            """, umask: "027")
        #expect(lines == ["0", "640", "640", "640", "0", "666", "666", "666"])
    }

    @Test(arguments: ["8", "1000", "", "-1", "0o644", "u=rw", "07777", "99999999999999999999"])
    func aModeIsOctal(_ mode: String) throws {
        for command: [ByteString] in [[], ["diff", "/"], ["verify"], ["saved"]] {
            let outcome = try Fsscan.run(command + ["-o", "/dev/null", "--mode", ByteString(mode), "/dev/null"])
            #expect(outcome.status == 64)
            #expect(outcome.errorText == "fsscan: --mode: '\(mode)' is not a mode (octal, 0 to 0777)\n")
        }
    }

    // MARK: Temporary files

    @Test func aMissingTemporaryDirectoryIsReportedBeforeTheHeader() throws {
        let lines = try Stage().run(
            """
            export TMPDIR=/nowhere
            try "$F" --ndjson --sorted tree missing; wc -c <out
            try "$F" --format mtree tree; wc -c <out
            try "$F" diff tree tree; wc -c <out
            try "$F" verify saved.db; wc -c <out
            try "$F" --ndjson tree; try "$F" diff saved.db saved.db
            """)
        let missing = "No such file or directory"
        #expect(
            lines == [
                "74 /nowhere: temporary file for --sorted: \(missing)", "0",
                "74 /nowhere: temporary file for --format mtree: \(missing)", "0",
                "2 /nowhere: temporary file for sorting: \(missing)", "0",
                "2 /nowhere: temporary file for sorting: \(missing)", "0", "0 ", "0 ",
            ])
    }
}

/// The checked file is the opened one.
@Suite struct HeldPlaceTests {
    private func place(_ path: ByteString) throws -> OutputPlace {
        guard case .place(let place) = try OutputDestination(path.bytes) else {
            throw Failure("\(path) is a descriptor")
        }
        return place
    }

    @Test func aFileGoesIntoTheDirectoryThatWasLookedAt() throws {
        let directory = try TemporaryDirectory([.directory("d"), .directory("other", [.file("report", "before")])])
        let file = try ReplacementFile(place(directory.appending("d/report")))
        _ = try output(of: ["mv", directory.appending("d"), directory.appending("moved")])
        _ = try output(of: ["ln", "-s", "other", directory.appending("d")])
        try Array("report".utf8).withUnsafeBytes { try file.write($0) }
        try file.commit()
        #expect(try output(of: ["cat", directory.appending("moved/report")]) == Array("report".utf8))
        #expect(try output(of: ["cat", directory.appending("other/report")]) == Array("before".utf8))
    }
}
