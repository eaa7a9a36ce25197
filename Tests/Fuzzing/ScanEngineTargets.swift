import Bytes
import Entries
import Foundation
import Ignore
import LinuxKernel
import ScanEngine

/// The entries of a `getdents64` buffer, against a second reading of it that only indexes an array.
func fuzzDirectoryEntries(_ bytes: UnsafeRawBufferPointer) {
    var expected: [(name: [UInt8], type: UInt8)] = []
    let array = Array(bytes)
    var start = 0
    while array.count - start > 19 {
        let length = Int(array[start + 16]) | Int(array[start + 17]) << 8
        guard length > 19, start + length <= array.count else { break }
        guard let end = array[start + 19..<start + length].firstIndex(of: 0) else { break }
        let name = Array(array[start + 19..<end])
        if ![[], [0x2e], [0x2e, 0x2e]].contains(name) { expected.append((name, array[start + 18])) }
        start += length
    }
    var count = 0
    for entry in DirectoryEntries(bytes) {
        precondition(count < expected.count, "more entries than there are")
        precondition(entry.name.elementsEqual(expected[count].name), "another name")
        precondition(entry.kind == EntryKind(directoryEntryType: expected[count].type), "another kind")
        precondition(entry.cString[entry.name.count] == 0, "no C string")
        count += 1
    }
    precondition(count == expected.count, "fewer entries than there are")
}

/// A `.gitignore`, a NUL, and a path to match; patterns that fnmatch(3) also supports are checked against it.
func fuzzGitignore(_ bytes: UnsafeRawBufferPointer) {
    let parts = Array(bytes).split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let contents = Array(parts[0])
    let path = parts.count > 1 ? parts[1].filter { $0 != 0 } : contents
    let components = path.split(separator: UInt8(ascii: "/")).map { Array($0) }
    guard let name = components.last else { return }
    let directory = FuzzDirectory(components: components.dropLast())
    for scope in [
        IgnoreScope.child(of: nil, gitignore: contents, depth: 0), IgnoreScope(excludes: [contents]),
    ] {
        guard let scope else { continue }
        var verdicts: [IgnoreVerdict] = []
        for isDirectory in [true, false, nil] as [Bool?] {
            let verdict = scope.verdict(
                name.span, isDirectory: isDirectory, in: directory, directoryDepth: components.count - 1)
            verdicts.append(verdict)
        }
        precondition(verdicts[0] != .dependsOnKind && verdicts[1] != .dependsOnKind, "the kind was told")
        // Before the kind is known, no verdict may be returned that depends on it.
        if verdicts[2] != .dependsOnKind { precondition(verdicts[2] == verdicts[0] && verdicts[2] == verdicts[1]) }
    }
    if let isMatch = fnmatch(contents, name) {
        let scope = IgnoreScope(excludes: [contents])
        let verdict = scope?.verdict(
            name.span, isDirectory: false, in: directory, directoryDepth: components.count - 1)
        precondition((verdict == .ignored) == isMatch, "fnmatch says otherwise")
    }
}

/// Whether the C library matches the name; nil for patterns that git interprets differently.
private func fnmatch(_ pattern: [UInt8], _ name: [UInt8]) -> Bool? {
    // Stars far apart cost fnmatch exponential time.
    guard !pattern.isEmpty, pattern.count < 64, pattern.count(where: { $0 == UInt8(ascii: "*") }) < 6 else {
        return nil
    }
    let special = Array("/![#\n\r\t ".utf8) + [0]
    guard !pattern.contains(where: special.contains), pattern.last != UInt8(ascii: "\\"), pattern.first != 0xEF else {
        return nil
    }
    return (pattern + [0]).withUnsafeBytes { pattern in
        (name + [0]).withUnsafeBytes { name in
            Foundation.fnmatch(
                pattern.baseAddress!.assumingMemoryBound(to: CChar.self),
                name.baseAddress!.assumingMemoryBound(to: CChar.self), 0) == 0
        }
    }
}

private struct FuzzDirectory: IgnoreDirectory {
    var components: ArraySlice<[UInt8]>

    var ignoreParent: FuzzDirectory? {
        components.isEmpty ? nil : FuzzDirectory(components: components.dropLast())
    }

    func withIgnoreName<R>(_ body: (Span<UInt8>) -> R) -> R {
        let name = components[components.endIndex - 1]
        return body(name.span)
    }
}

/// Any bytes as a name, in both layouts: Foundation must read JSON back, and from it the bytes.
func fuzzJSON(_ bytes: UnsafeRawBufferPointer) {
    for layout in [JSONWriter.Layout.compact, .readable] {
        var writer = JSONWriter(layout: layout)
        writer.beginObject()
        writer.member("name", bytes: bytes)
        writer.key(String(decoding: bytes, as: UTF8.self))
        writer.beginArray(.onALineEach)
        writer.value(Int64(bytes.count))
        writer.endArray()
        writer.endObject()
        let data = Data(writer.buffer.bytes)
        precondition(data.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A }, "a terminal would obey it")
        guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            preconditionFailure("not JSON")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let isUTF8 = text.utf8.elementsEqual(bytes)
        let encoded = object["name_b64"] as? String
        precondition((encoded == nil) == isUTF8, "base64 stands beside what is not UTF-8, and only there")
        if let encoded { precondition(Data(base64Encoded: encoded).map { $0.elementsEqual(bytes) } == true) }
        // A key of the same name replaces the member, or is replaced.
        if text == "name" || text == "name_b64" { continue }
        guard let name = object["name"] as? String else { preconditionFailure("no name") }
        precondition(name.utf8.elementsEqual(text.utf8), "another name")
        guard let key = object[text] as? [Int] else { preconditionFailure("no such key") }
        precondition(key == [bytes.count])
    }
}

/// A partial result of a shard, or a plan: valid input can be merged, and written again as the same bytes.
func fuzzPartial(_ bytes: UnsafeRawBufferPointer) {
    let bytes = Array(bytes)
    if let plan = try? ScanPlan(bytes) {
        precondition(plan.bytes == bytes, "a plan is its bytes")
        precondition(plan.cuts.allSatisfy { (1...plan.shards).contains($0.shard) }, "a cut is for a shard")
    }
    guard let file = try? ShardFile(bytes) else { return }
    precondition(file.bytes == bytes, "other bytes were read than are written")
    // Digests and depths of any size cost time and memory, but are no problem of the reader.
    guard file.plan.shards <= 1_000, file.plan.options.top <= 1_000 else { return }
    var merge = ScanMerge(file.plan)
    precondition(merge.add(file), "it has its own plan")
    guard let report = try? merge.report() else { return }
    precondition(report.complete == merge.missing.isEmpty, "what is missing is said")
    precondition(report.roots.count == file.plan.options.paths.count, "each PATH is in the report")
}
