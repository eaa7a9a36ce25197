// `fsscan duplicates` of a saved scan, and with one as its baseline.

import Foundation
import TestSupport
import Testing

@Suite struct SavedDuplicatesTests {
    @Test func aSavedScanGivesTheGroupsOfTheTree() throws {
        let directory = try TemporaryDirectory(
            Tree.random(seed: 8, entries: 400, names: try OddNames.load())
                + [.directory("two more", [.file("one", "the same"), .file("other", "the same")])])
        let file = try SavedFile()
        try file.save(["--hash", "sha256,xxh128", directory.path])
        let live = try Fsscan.run(["duplicates", "-0", "--no-directories", directory.path])
        let saved = try Fsscan.run(["duplicates", "-0", file.path])
        #expect(saved.status == 1 && saved.standardOutput == live.standardOutput)
        let json = try Fsscan.run(["duplicates", "--json", file.path]).standardOutput
        try expectValid("duplicates", json)
        let oracle = try run(
            [Repository.python(), Repository.path("Tests/oracles/duplicates.py"), "--check", directory.path],
            ProcessOptions { $0.input = json })
        #expect(oracle.status == 0, "\(oracle.outputText)")
        #expect(try FoundDuplicates([file.path], status: 1).totals.filesRead == 0)
        #expect(
            try Fsscan.run(["duplicates", "--unique", "-0", file.path]).standardOutput
                == Fsscan.run(["duplicates", "--unique", "-0", directory.path]).standardOutput)
    }

    @Test func filesUnchangedSinceTheBaselineAreNotRead() throws {
        let directory = try TemporaryDirectory(Tree.random(seed: 9, entries: 300, names: try OddNames.load()))
        _ = try Fsscan.shell("truncate -s 20M l1; cp l1 l2; head -c 100000 /dev/urandom > m1; cp m1 m2", in: directory)
        // Files written just before are read again: their times may stay the same at the next write.
        Thread.sleep(forTimeInterval: 2.2)
        let file = try SavedFile()
        try file.save(["--hash", "sha256", directory.path])
        let expected = try FoundDuplicates(["--hash", "sha256", directory.path], status: 1)
        let found = try FoundDuplicates(["--hash", "sha256", "--baseline", file.path, directory.path], status: 1)
        #expect(found.totals.filesRead == 0 && expected.totals.filesRead > 0)
        #expect(found.groups?.map(\.paths) == expected.groups?.map(\.paths))
        // A file that has changed since is read, and is not a duplicate any more.
        _ = try Fsscan.shell("printf x | dd of=m1 bs=1 seek=50000 conv=notrunc status=none", in: directory)
        let changed = try FoundDuplicates(["--hash", "sha256", "--baseline", file.path, directory.path], status: 1)
        #expect(changed.totals.filesRead > 0 && changed.groups?.count == (expected.groups?.count ?? 0) - 1)
        #expect(try Fsscan.run(["duplicates", "--reread", "1%", directory.path]).status == 64)
    }

    @Test func aSavedScanWithoutDigestsIsRefused() throws {
        let directory = try TemporaryDirectory([.file("a", "1"), .file("b", "1")])
        let file = try SavedFile()
        try file.save(["--hash", "md5", directory.path])
        let outcome = try Fsscan.run(["duplicates", file.path])
        #expect(outcome.status == 2 && outcome.errorText.contains("--hash"), "\(outcome.errorText)")
        #expect(try Fsscan.run(["duplicates", "--exclude", "x", file.path]).status == 64)
    }
}
