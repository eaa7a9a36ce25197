/// The FILE of `--trace`: written while the scan runs, in its place when the scan is done.
///
/// `@unchecked Sendable`: the scan calls `write` by one thread at a time, and nobody else uses the file until the scan has
/// ended.
final class TraceFile: @unchecked Sendable {
    private let output: OutputFile
    private var failure: OutputError?

    /// Opens `path`, as `-o` does.
    init(_ path: [UInt8], mode: UInt32?) throws(OutputError) { output = try OutputFile(path, mode: mode) }

    /// After an error, which `finish()` throws, nothing is written any more: a trace is not worth a scan.
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

    /// To be called after the scan.
    func finish() throws(OutputError) {
        if let failure { throw failure }
        try output.finish()
    }
}
