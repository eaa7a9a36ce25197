// Comparisons of sources in memory: unreadable directories, rules, moves, and fields missing on one side.

import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine
import Testing

@testable import Snapshots

@Suite struct ComparisonTests {
    // MARK: What could not be seen

    /// With two of them, the children of the first come after the second was read.
    @Test func entriesOfAnUnlistableDirectoryAreUnknown() throws {
        func side(_ directory: (String) -> SnapshotEntry, _ files: [String]) -> Listed {
            Listed(["", "a", "b", "b/c", "d"].map(directory) + files.map { entry($0) })
        }
        let names = ["a/one", "a/two", "b/three", "b/c/four", "d/five"]
        let open: (String) -> SnapshotEntry = { entry($0, .directory) }
        let hidden: (String) -> SnapshotEntry = { $0.isEmpty ? open($0) : closed($0) }
        let now = try compare(side(open, names), side(hidden, []))
        #expect(now.lines.filter { $0.hasPrefix("unreadable") }.count == 4)
        #expect(
            now.lines.filter { !$0.hasPrefix("unreadable") }
                == ["a/one", "a/two", "b/c/four", "b/three", "d/five"].map { "unknown \($0) (not known now)" })
        #expect(now.totals.changes[.unknown] == 5 && now.totals.hasTrouble && !now.totals.isDifferent)
        let before = try compare(side(hidden, []), side(open, names))
        #expect(before.lines.count == 9 && before.lines.allSatisfy { $0.hasSuffix("(not known before)") })
        // A partly listed directory is compared as far as it was listed.
        let part = try compare(side(hidden, ["a/one"]), side(hidden, ["a/two"]))
        #expect(part.lines.contains("unknown a/one (not known now)"), "\(part.lines)")
        #expect(part.lines.contains("unknown a/two (not known before)"))
        #expect(part.lines.count == 6)
    }

    /// Any trees, any unreadable directories: entries that were seen have the same result as in a comparison of sets.
    @Test(arguments: 1...60 as ClosedRange<UInt64>) func hiddenDirectoriesHideOnlyTheirContents(
        _ seed: UInt64
    ) throws {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        func random(_ limit: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % limit
        }
        var directories = [""]
        var files: [String] = []
        for index in 0..<40 {
            let parent = directories[Int(random(UInt64(directories.count)))]
            let path = (parent.isEmpty ? "" : parent + "/") + ["n", "n.", "m-"][Int(random(3))] + "\(index)"
            if random(2) == 0 { directories.append(path) } else { files.append(path) }
        }
        func isBelow(_ path: String, _ hidden: Set<String>) -> Bool {
            hidden.contains { path.hasPrefix($0 + "/") }
        }
        func some() -> Set<String> { Set(directories.filter { !$0.isEmpty && random(4) == 0 }) }
        let (hiddenOld, hiddenNew) = (some(), some())
        let (goneOld, goneNew) = (Set(files.filter { _ in random(5) == 0 }), Set(files.filter { _ in random(5) == 0 }))
        func side(_ hidden: Set<String>, _ gone: Set<String>) -> [SnapshotEntry] {
            directories.filter { !isBelow($0, hidden) }.map { hidden.contains($0) ? closed($0) : entry($0, .directory) }
                + files.filter { !gone.contains($0) && !isBelow($0, hidden) }.map { entry($0) }
        }
        let (old, new) = (side(hiddenOld, goneOld), side(hiddenNew, goneNew))
        var expected: Set<String> = []
        let (oldPaths, newPaths) = (paths(old), paths(new))
        for path in oldPaths.subtracting(newPaths) {
            let (before, now) = (hiddenOld.contains(path), isBelow(path, hiddenNew))
            if now { expected.insert("unknown \(path) (\(before ? "known neither before nor now" : "not known now"))") }
            if !now { expected.insert(before ? "removed+unknown \(path) (not known before)" : "removed \(path)") }
        }
        for path in newPaths.subtracting(oldPaths) {
            let (before, now) = (isBelow(path, hiddenOld), hiddenNew.contains(path))
            let reason = now ? "known neither before nor now" : "not known before"
            if before { expected.insert("unknown \(path) (\(reason))") }
            if !before { expected.insert(now ? "added+unreadable \(path)" : "added \(path)") }
        }
        for path in oldPaths.intersection(newPaths) {
            switch (hiddenOld.contains(path), hiddenNew.contains(path)) {
            case (false, false): break
            case (false, true): expected.insert("unreadable \(path)")
            case (true, false): expected.insert("unknown \(path) (not known before)")
            case (true, true): expected.insert("unknown \(path) (known neither before nor now)")
            }
        }
        let lines = try compare(Listed(old), Listed(new)).lines
        #expect(Set(lines) == expected && lines.count == expected.count)
    }

    private func paths(_ entries: [SnapshotEntry]) -> Set<String> {
        Set(entries.map { String(decoding: $0.key.path, as: UTF8.self) })
    }

    @Test func entriesThatAStoppedScanDidNotReachAreUnknown() throws {
        let whole = [entry("", .directory), entry("a"), entry("b")]
        let part = Listed([entry("", .directory), entry("a")]) { $0.isComplete = false }
        #expect(try compare(Listed(whole), part).lines == ["unknown b (not known now)"])
        let again = Listed([entry("", .directory), entry("a")]) { $0.isComplete = false }
        #expect(try compare(again, Listed(whole)).lines == ["unknown b (not known before)"])
    }

    /// An error of a path without an entry; one in a name's attributes hides nothing.
    @Test func anErrorHidesAsMuchAsItSays() throws {
        let old = Listed([entry("", .directory), entry("a", .directory), entry("a/f"), entry("b"), entry("b/f")])
        var open = entry("a", .directory)
        open.errors = [SnapshotEntryError(operation: "listxattr", code: "EIO", message: "Input/output error")]
        let new = Listed([entry("", .directory), open, closed("b", nil)])
        let lines = try compare(old, new).lines
        #expect(lines == ["unreadable a", "unreadable b", "unknown b/f (not known now)", "removed a/f"])
        let gone = try compare(Listed([entry("", .directory), closed("x", nil)]), Listed([entry("", .directory)]))
        #expect(gone.lines == ["unknown x (not known before)"])
    }

    /// With -x, which does not enter a mount.
    @Test func aMountHidesTheEntriesBelow() throws {
        func side(_ device: UInt64, _ files: [String], oneFileSystem: Bool = true) -> Listed {
            let directories = [entry("", .directory) { $0.device = 1 }, entry("d", .directory) { $0.device = device }]
            return Listed(directories + files.map { entry($0) }) {
                $0.options = ScanOptions(paths: [], threads: 1)
                $0.options?.oneFileSystem = oneFileSystem
            }
        }
        #expect(try compare(side(1, ["d/f", "e"]), side(2, [])).lines == ["unknown d/f (not known now)", "removed e"])
        #expect(try compare(side(2, []), side(1, ["d/f"])).lines == ["unknown d/f (not known before)"])
        #expect(try compare(side(2, []), side(2, [])).lines == [])
        #expect(try compare(side(1, ["d/f"]), side(2, [], oneFileSystem: false)).lines == ["removed d/f"])
    }

    // MARK: What one side does not say

    @Test func theComparedFieldsAreChosenForEachEntry() throws {
        func listed(_ entries: SnapshotEntry...) -> Listed { Listed(entries) }
        let old = listed(
            entry("a") { ($0.digests, $0.mode) = ([.sha256: digest(1)], 0o644) },
            entry("b") { $0.digests = [.md5: digest(1, .md5), .sha1: digest(1, .sha1)] },
            entry("c") { $0.digests = [.sha256: digest(1), .md5: digest(1, .md5)] },
            entry("d") { $0.uid = 7 }, entry("e", .directory) { $0.mtime = FileTime(seconds: 1, nanoseconds: 0) })
        let new = {
            listed(
                entry("a") { $0.digests = [.md5: digest(1, .md5)] },
                entry("b") { ($0.digests, $0.size) = ([.sha1: digest(1, .sha1)], 1) },
                entry("c") { $0.digests = [.sha256: digest(1)] },
                entry("d") { ($0.digests, $0.gid, $0.mode) = ([.sha256: digest(1)], 7, 0o600) }, entry("e", .directory))
        }
        let outcome = try compare(old, new())
        #expect(outcome.lines == [])
        // c: its SHA-256 covers what its MD5 would; the SHA-1 of b does not. Times of directories are not compared.
        #expect(
            outcome.notCompared.filter { !$0.contains("neither") } == [
                "mode new does not say 1", "uid new does not say 1", "sha256 new does not say 1",
                "md5 new does not say 1", "size old does not say 1", "mode old does not say 1",
                "gid old does not say 1", "content old does not say 1",
            ])
        #expect(outcome.totals.hasTrouble && !outcome.totals.isDifferent)
    }

    @Test func ignoredFieldsAreNotReportedAsMissing() throws {
        func old() -> Listed {
            Listed([entry("a") { ($0.digests, $0.mode) = ([.sha256: digest(1), .md5: digest(1, .md5)], 0o644) }]) {
                $0.uncheckable = ["sha384": 12, "xattr.user.a": 1]
            }
        }
        func new() -> Listed { Listed([entry("a") { $0.digests = [.sha256: digest(2)] }]) }
        let all = try compare(old(), new())
        #expect(all.lines == ["content a [\"sha256\"]"] && all.totals.hasTrouble)
        #expect(
            all.notCompared.filter { !$0.contains("neither") }
                == ["mode new does not say 1", "sha384 cannot be checked 12", "xattr.user.a cannot be checked 1"])
        let names: Set = ["sha384", "xattr.user.a"]
        let accepted = try compare(old(), new(), FieldSelection(ignored: [.mode], ignoredNames: names))
        #expect(accepted.lines.count == 1 && !accepted.totals.hasTrouble)
        let selection = FieldSelection(ignored: [.mode], ignoredAlgorithms: [.sha256], ignoredNames: names)
        let other = try compare(old(), new(), selection)
        #expect(other.lines == [] && other.notCompared.contains("md5 new does not say 1"))
        let content = FieldSelection(
            ignored: [.mode], ignoredAlgorithms: Set(DigestAlgorithm.allCases), ignoredNames: names)
        let none = try compare(old(), new(), content)
        #expect(none.lines == [] && !none.totals.hasTrouble && !none.notCompared.contains { $0.hasPrefix("content") })
        // A statement of the new side that cannot be checked is no trouble.
        let checked = Listed([entry("a") { $0.digests = [.sha256: digest(2)] }])
        let reversed = try compare(checked, old())
        #expect(!reversed.totals.hasTrouble)
    }

    @Test func kindsThatASideDoesNotListAreNamed() throws {
        let tree = [entry("", .directory), entry("a"), entry("link", .symlink)]
        func files() -> Listed { Listed([entry("a")]) { $0.kinds = [.file] } }
        let there = try compare(files(), Listed(tree))
        #expect(there.lines == [] && !there.totals.hasTrouble)
        let back = try compare(Listed(tree), files())
        #expect(back.lines == [] && back.notCompared.first == "kind new does not say 2" && back.totals.hasTrouble)
        #expect(try !compare(Listed(tree), files(), FieldSelection(ignored: [.kind])).totals.hasTrouble)
    }

    // MARK: Rules

    @Test func optionalEntriesMayBeMissing() throws {
        let old = [
            entry("d", .directory) { $0.rules = .optional }, entry("d/f"), entry("f") { $0.rules = .optional },
            entry("g"),
        ]
        #expect(try compare(Listed(old), Listed([])).lines == ["removed g"])
        #expect(try compare(Listed([]), Listed(old)).lines == ["added g"])
        let there = [entry("d", .directory), entry("f", .symlink), entry("g")]
        #expect(try compare(Listed(old), Listed(there)).lines == ["kind f [\"kind\"]", "removed d/f"])
        // Nor does it count as missing if it could not be seen.
        let hidden = try compare(Listed([entry("", .directory)] + old), Listed([closed("")]))
        #expect(hidden.lines.contains("unknown f (not known now)"))
    }

    @Test func nothingBelowAnIgnoredEntryIsCompared() throws {
        let old = [
            entry("d", .directory) { ($0.rules, $0.mode) = (.ignore, 0o755) }, entry("d/gone"),
            entry("d/f") { $0.size = 1 }, entry("d.x"), entry("e", .directory) { $0.rules = .ignore }, entry("e/f"),
        ]
        let new = [
            entry("d", .directory) { $0.mode = 0o700 }, entry("d/new"), entry("d/f") { $0.size = 2 },
            closed("d/closed"), entry("e/new"),
        ]
        let outcome = try compare(Listed(old), Listed(new))
        #expect(outcome.lines == ["metadata d [\"mode\"]", "removed d.x", "removed e"])
        #expect(!outcome.totals.hasTrouble)
        #expect(try compare(Listed(new), Listed(old)).lines == ["metadata d [\"mode\"]", "added d.x", "added e"])
    }

    @Test func ofSomeOnlyExistenceAndKindAreCompared() throws {
        func old(_ kind: EntryKind) -> Listed {
            Listed([entry("f", kind) { ($0.rules, $0.size, $0.mode) = (.noChange, 1, 0o644) }, entry("g")])
        }
        let new = [entry("f") { $0.size = 2 }, entry("g")]
        let same = try compare(old(.file), Listed(new))
        #expect(same.lines == [] && !same.totals.hasTrouble)
        #expect(try compare(old(.symlink), Listed(new)).lines == ["kind f [\"kind\"]"])
        #expect(try compare(old(.file), Listed([entry("g")])).lines == ["removed f"])
    }

    // MARK: Moves

    @Test func aFieldCountsAgainstAMoveWhereBothSidesKnowIt() throws {
        func moves(_ old: (inout SnapshotEntry) -> Void, _ new: (inout SnapshotEntry) -> Void) throws -> [String] {
            try compare(Listed([entry("a", .file, old)]), Listed([entry("b", .file, new)])).lines
        }
        let digests: EntryDigests = [.sha256: digest(1)]
        let apart = ["removed a", "added b"]
        #expect(try moves({ $0.digests = digests }, { ($0.digests, $0.size) = (digests, 5) }) == ["moved a -> b"])
        #expect(try moves({ ($0.digests, $0.size) = (digests, 4) }, { ($0.digests, $0.size) = (digests, 5) }) == apart)
        // For an empty file, because all empty files have the same digest.
        let empty: EntryDigests = [.md5: try #require(bytes(ofHex: Array("d41d8cd98f00b204e9800998ecf8427e".utf8)))]
        #expect(try moves({ $0.digests = empty }, { $0.digests = empty }) == apart)
        // Any digest will do, not only the first that both sides have.
        let several = try compare(
            Listed([entry("a") { $0.digests = [.md5: digest(7, .md5)] }, entry("x") { $0.digests = digests }]),
            Listed([entry("b") { $0.digests = [.md5: digest(7, .md5)] }, entry("x") { $0.digests = digests }]))
        #expect(several.lines == ["moved a -> b"])
    }

    /// Directories inside each other: 2,500 with names of 40 bytes have paths of 128 MB.
    @Test func candidatesAreBoundedInBytes() throws {
        let name = String(repeating: "x", count: 40)
        var (path, chain) = ("", [SnapshotEntry]())
        for _ in 0..<300 {
            path += (path.isEmpty ? "" : "/") + name
            chain.append(entry(path, .directory) { ($0.device, $0.inode) = (1, UInt64(path.utf8.count)) })
        }
        let limit = 1 << 20
        var candidates = MoveCandidates(limit: limit)
        let kept = chain.filter { candidates.keep(removed: $0) }.count
        let bytes = chain.prefix(kept).reduce(0) { $0 + $1.key.bytes.count }
        #expect(kept == candidates.count && kept < 300 && bytes < limit && candidates.bytes <= limit)
        #expect(bytes > limit * 3 / 4, "the room is for keys")
        let outcome = try compare(Listed(chain), Listed([]), FieldSelection(), MoveCandidates(limit: limit))
        #expect(outcome.totals.changes == [.removed: 300] && !outcome.totals.allMovesSought)
        #expect(try compare(Listed(chain), Listed([])).totals.allMovesSought)
        // Candidates that found room are still paired.
        let moved = chain.map { old in
            entry("y/" + String(decoding: old.key.path, as: UTF8.self), .directory) {
                ($0.device, $0.inode, $0.mtime) = (1, old.inode, FileTime(seconds: 1, nanoseconds: 0))
            }
        }
        let before = chain.map { old in
            var old = old
            old.mtime = FileTime(seconds: 1, nanoseconds: 0)
            return old
        }
        let some = try compare(Listed(before), Listed(moved), FieldSelection(), MoveCandidates(limit: 2 * limit))
        let pairs = some.totals.changes[.moved] ?? 0
        #expect(pairs > 0 && pairs < 300 && !some.totals.allMovesSought)
        #expect(some.totals.changes[.removed] == 300 - pairs && some.totals.changes[.added] == 300 - pairs)
        #expect(try compare(Listed(before), Listed(moved)).totals.changes == [.moved: 300])
    }

    /// A directory is one line, whether or not its entries find room among the candidates.
    @Test(arguments: [0, 2_000, 20_000, 64 << 20]) func aDirectoryBeyondTheLimitIsOneLine(_ limit: Int) throws {
        var entries = [entry("big", .directory), entry("big.file"), entry("e", .directory)]
        for number in 0..<100 { entries += [entry("big/\(number)"), entry("e/\(number)", .directory)] }
        let root = entry("", .directory)
        for (old, new, word) in [([root], [root] + entries, "added"), ([root] + entries, [root], "removed")] {
            let outcome = try compare(
                Listed(old), Listed(new), FieldSelection(), MoveCandidates(limit: limit), isFolding: true)
            #expect(
                outcome.lines.sorted() == ["\(word) big with 100", "\(word) big.file", "\(word) e with 100"],
                "\(outcome.lines)")
            #expect(outcome.totals.changes.values.reduce(0, +) == 203)
        }
    }

    /// Entries below a moved directory that had no room: it is unknown whether they moved with it.
    @Test func entriesWithoutRoomAreReportedBesideAMove() throws {
        func identified(_ path: String, _ kind: EntryKind, _ inode: UInt64) -> SnapshotEntry {
            entry(path, kind) { ($0.device, $0.inode, $0.btime) = (1, inode, FileTime(seconds: 1, nanoseconds: 0)) }
        }
        func tree(_ name: String) -> [SnapshotEntry] {
            [entry("", .directory), identified(name, .directory, 5)]
                + (0..<9).map { identified("\(name)/\($0)", .fifo, 9 + $0) }
        }
        let outcome = try compare(
            Listed(tree("a")), Listed(tree("b")), FieldSelection(), MoveCandidates(limit: 5_800), isFolding: true)
        #expect(!outcome.totals.allMovesSought)
        #expect(outcome.totals.changes == [.moved: 1, .removed: 9, .added: 9])
        #expect(outcome.lines.contains("added b with 9 below alone"), "\(outcome.lines)")
    }
}
