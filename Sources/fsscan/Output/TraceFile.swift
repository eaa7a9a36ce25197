/// The FILE of `--trace`: written during the scan, put in place when the scan is done.
///
/// `@unchecked Sendable`: the scan calls `write` from one thread at a time, and the file has no other user until the
/// scan has ended.
final class TraceFile: @unchecked Sendable {
    private let output: OutputFile
    private var failure: OutputError?

    /// Opens `path`, as `-o` does.
    init(_ path: [UInt8], mode: UInt32?) throws(OutputError) { output = try OutputFile(path, mode: mode) }

    /// After an error, which `finish()` throws, nothing more is written: a trace must not stop a scan.
    func write(_ piece: [UInt8]) {
        guard failure == nil else { return }
        failure = piece.withUnsafeBytes { bytes in
            do throws(OutputError) {
                try output.write(bytes)
                return nil
            } catch {
                return error
            }
        }
    }

    /// Call it after the scan.
    func finish() throws(OutputError) {
        if let failure { throw failure }
        try output.finish()
    }
}
