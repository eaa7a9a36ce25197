import Formats
import Foundation
import ScanEngine
import Snapshots

/// The bytes for a reader of text, as a file and as a pipe.
struct TextFile {
    var format: String
    /// The claimed name: it identifies b2sum's lists.
    var path: String
    var bytes: [UInt8]
    var otherRoots: [[UInt8]] = []

    func read(asPipe: Bool = false) -> Result<Reading, SnapshotFailure> {
        open(asPipe: asPipe).flatMap { source in Result { () throws(SnapshotFailure) in try Reading(source) } }
    }

    func open(asPipe: Bool = false) -> Result<any SnapshotSource, SnapshotFailure> {
        var name = Array("\(ScratchFile.place)/fsscan-fuzz.XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        precondition(descriptor >= 0, "mkstemp")
        unlink(name)
        defer { close(descriptor) }
        precondition(write(descriptor, bytes, bytes.count) == bytes.count, "write")
        let beginning = Array(bytes.prefix(SnapshotInput.beginningSize))
        lseek(descriptor, asPipe ? off_t(beginning.count) : 0, SEEK_SET)
        let input = SnapshotInput(
            path: Array(path.utf8), descriptor: descriptor, beginning: beginning, isSeekable: !asPipe,
            otherRoots: otherRoots)
        let format = SnapshotFormat.all.first { $0.name == self.format }!
        return Result { () throws(SnapshotFailure) in try format.open(input) }
    }
}

/// A named file, for SQLite.
enum ScratchFile {
    /// In memory, if available.
    static let place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"

    static func with(_ bytes: UnsafeRawBufferPointer, _ body: ([UInt8]) -> Void) {
        var template = Array("\(place)/fsscan-fuzz.XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "mkdtemp")
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = directory + "/saved"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        precondition(descriptor >= 0 && write(descriptor, bytes.baseAddress, bytes.count) == bytes.count, "write")
        close(descriptor)
        body(Array(path.utf8))
        // Files that SQLite creates beside a database if the database asks for them.
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(path + suffix) }
        precondition(rmdir(directory) == 0, "something was left behind")
    }
}
