package import Bytes

/// Parts shared by the report and the records.
extension JSONWriter {
    package mutating func member(totals: Totals, _ items: Items) {
        key("totals")
        object(totals: totals, items)
    }

    package mutating func member(selected: Totals, _ items: Items) {
        key("selected")
        object(totals: selected, items)
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
    package mutating func members(of counts: FileCounts) {
        member("files", counts.files)
        member("apparent_bytes", counts.apparentBytes)
        member("disk_bytes", counts.diskBytes)
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

    /// - Parameter baseline: the files whose content was reused.
    package mutating func member(saved: KeptScan, _ baseline: BaselineUse?) {
        key("saved")
        beginObject()
        member("path", bytes: saved.path)
        member("scan", saved.scan)
        member("evidence", saved.evidence)
        member("sha256", saved.sha256)
        member("taken_over", baseline?.reused ?? 0)
        endObject()
    }

    package mutating func member(timing: Timing) {
        key("timing")
        beginObject(.onALineEach)
        member(started: timing)
        key("elapsed_seconds")
        seconds(nanoseconds: Int64(max(0, timing.elapsedSeconds) * 1e9))
        member("threads", Int64(timing.threads))
        endObject()
    }

    package mutating func member(started timing: Timing) {
        member(
            "started", Timestamp.rfc3339(seconds: timing.startedSeconds, nanoseconds: timing.startedNanoseconds))
    }

    package mutating func member(statistics: [(name: String, value: Int64)]) {
        key("statistics")
        beginObject(.onALineEach)
        for (name, value) in statistics {
            key(name)
            self.value(value)
        }
        endObject()
    }
}
