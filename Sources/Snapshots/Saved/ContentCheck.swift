// `content` repeats the rows of a scan, for 0.1.0, which takes digests over from there. The evidence of a scan covers
// only its rows, so `content` must agree with them: an older program may read it.
//
//   rows ────────▶ records ┐
//                          ├──▶ RecordSorter ──▶ each record of `content` comes right behind one of the rows
//   content ─────▶ records ┘
//
// A record that is missing in `content` does no harm: 0.1.0 then reads the file.

import Bytes
import CSQLite
import Entries
import ExternalSort
package import Formats
import LinuxKernel
import ScanEngine

extension SavedScans {
    /// - Throws: if `content` has a record of the scan that no row has.
    package func checkContent(of scan: SavedScan) throws(SnapshotFailure) {
        try asSnapshotFailure {
            // From version 2 on, nothing is stored twice.
            if schema.sharesRows { return }
            var check = ContentCheck()
            let set = DigestSet(scan.options.hash)
            let packs = try database.prepare("SELECT id, scan, types, records FROM content ORDER BY id")
            var order = RowOrder()
            while try packs.step() {
                _ = try order.next(packs)
                if packs.integer(1) != scan.id { continue }
                let types = packs.text(2)?.split(separator: "\n").map(String.init) ?? []
                let isWhole = try packs.withBlob(3) { records in
                    Result {
                        try ContentPack.forEachRecord(records, types: types, set) { file, row, type in
                            try check.add(file, row, type, .content)
                        }
                    }
                }.get()
                guard isWhole else { throw SnapshotFailure(path: path, "is damaged: an invalid record of content") }
            }
            if check.isEmpty { return }
            try forEachKnownFile(of: scan, set) { file, row, type, _ in
                try check.add(file, row, type, .row)
            }
            guard try check.agrees() else {
                throw SnapshotFailure(path: path, "is damaged: its content does not match its entries")
            }
        }
    }
}

/// The records of both, sorted in bounded memory.
private struct ContentCheck: ~Copyable {
    /// A row sorts before the record that repeats it.
    enum Side: UInt8 { case row, content }

    private let sorter: RecordSorter
    private let arena = RecordArena()
    private var line = ByteBuffer(capacity: 256)
    private(set) var isEmpty = true

    private static let memoryLimit = 64 << 20

    init() {
        sorter = RecordSorter(memoryLimit: Self.memoryLimit, temporaryDirectory: nil)
        sorter.addStream()
    }

    mutating func add(
        _ file: PackedFile, _ row: UnsafeRawBufferPointer, _ type: String?, _ side: Side
    ) throws(TemporaryFileError) {
        isEmpty = false
        line.append(number: file.device)
        line.append(number: file.inode)
        line.append(number: UInt64(bitPattern: file.size))
        for time in [file.mtime, file.ctime] {
            line.append(number: UInt64(bitPattern: time.seconds))
            line.append(number: UInt64(bitPattern: time.nanoseconds))
        }
        line.append(type == nil ? 0 : 1)
        line.append(counted: Array((type ?? "").utf8))
        line.append(row)
        line.append(side.rawValue)
        line.drain { arena.append(root: 0, path: UnsafeRawBufferPointer(start: nil, count: 0), line: $0) }
        try sorter.makeRoom(in: arena)
    }

    consuming func agrees() throws(TemporaryFileError) -> Bool {
        try sorter.keep(arena)
        var merge = try sorter.takeMerge()
        var row: [UInt8] = []
        while let record = merge.record {
            let line = record.line
            if line.last == Side.row.rawValue {
                row = Array(line.dropLast())
            } else if !line.dropLast().elementsEqual(row) {
                return false
            }
            try merge.advance()
        }
        return true
    }
}
