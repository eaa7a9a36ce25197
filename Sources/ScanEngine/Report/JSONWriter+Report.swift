package import Bytes

/// The parts that the report and the records have in common.
extension JSONWriter {
    /// The object `options`: those that decide what is reported.
    mutating func member(options: ScanOptions) {
        key("options")
        object(options: options)
    }

    /// The value of `options`.
    ///
    /// - Parameter workingDirectory: what relative PATHs are relative to, where that is kept, too.
    package mutating func object(options: ScanOptions, workingDirectory: [UInt8]? = nil) {
        beginObject(.onALineEach)
        key("hash")
        beginArray()
        for algorithm in DigestSet(options.hash).algorithms { value(algorithm.rawValue) }
        endArray()
        member("mime", options.mime)
        member("one_file_system", options.oneFileSystem)
        if options.excludeKernfs { member("exclude_kernfs", true) }
        key("exclude")
        beginArray()
        for pattern in options.exclude {
            beginObject()
            member("pattern", bytes: pattern)
            endObject()
        }
        endArray()
        member("gitignore", options.gitignore)
        if options.xattrs { member("xattrs", true) }
        member("read_pseudo", options.readPseudo)
        member("max_read", options.maxRead)
        member("max_holes", options.maxHoles)
        member("depth", Int64(options.depth))
        member("top", Int64(options.top))
        if options.rank != .disk { member("rank", options.rank.rawValue) }
        if let now = options.now { member("now", time: now) }
        if let workingDirectory { member("cwd", bytes: workingDirectory) }
        endObject()
    }

    mutating func member(totals: Totals, _ items: Items) {
        key("totals")
        object(totals: totals, items)
    }

    package mutating func object(totals: Totals, _ items: Items) {
        beginObject(items)
        member("entries", totals.entries)
        member("directories", totals.directories)
        member("files", totals.files)
        member("symlinks", totals.symlinks)
        member("fifos", totals.fifos)
        member("sockets", totals.sockets)
        member("block_devices", totals.blockDevices)
        member("character_devices", totals.characterDevices)
        member("apparent_bytes", totals.apparentBytes)
        member("disk_bytes", totals.diskBytes)
        member("hard_linked_files", totals.hardLinkedFiles)
        member("skipped", totals.skipped)
        member("errors", totals.errors)
        endObject()
    }

    /// The members of counts; the object around them is the caller's.
    mutating func members(of counts: FileCounts) {
        member("files", counts.files)
        member("apparent_bytes", counts.apparentBytes)
        member("disk_bytes", counts.diskBytes)
    }

    /// Hex by algorithm, or null.
    package mutating func member(digests: [NamedDigest]?) {
        key("digests")
        guard let digests else {
            null()
            return
        }
        beginObject()
        for digest in digests {
            key(digest.algorithm)
            value(digest.hex)
        }
        endObject()
    }

    /// The members of an error; the object around them is the caller's.
    mutating func members(of error: ScanError) {
        member("path", bytes: error.path)
        member("operation", error.operation)
        member("code", error.code)
        member("message", error.message)
    }

    package mutating func member(baseline: BaselineUse) {
        key("baseline")
        beginObject()
        member("reused", baseline.reused)
        member("read", baseline.read)
        member("reread", baseline.reread)
        member("contradicted", baseline.contradicted)
        endObject()
    }

    mutating func member(timing: Timing) {
        key("timing")
        beginObject(.onALineEach)
        member(started: timing)
        key("elapsed_seconds")
        seconds(nanoseconds: Int64(max(0, timing.elapsedSeconds) * 1e9))
        member("threads", Int64(timing.threads))
        endObject()
    }

    /// Null for what RFC 3339 cannot write.
    mutating func member(_ name: StaticString, time: FileTime?) {
        let text = time.flatMap { Timestamp.rfc3339(seconds: $0.seconds, nanoseconds: Int64($0.nanoseconds)) }
        member(name, text)
    }

    mutating func member(started timing: Timing) {
        member(
            "started", Timestamp.rfc3339(seconds: timing.startedSeconds, nanoseconds: timing.startedNanoseconds))
    }

    mutating func member(statistics: [(name: String, value: Int64)]) {
        key("statistics")
        beginObject(.onALineEach)
        for (name, value) in statistics {
            key(name)
            self.value(value)
        }
        endObject()
    }
}
