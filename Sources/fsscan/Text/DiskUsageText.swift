import Bytes
import ScanEngine

/// `--format du`: the lines of `du -B1` for directories down to `--depth`, in du's order: a directory after what is in it.
///
/// Each figure is what `du -s -B1` of that directory alone prints. du itself, asked for several directories at once,
/// leaves out of each what it has counted before.
struct DiskUsageText {
    let report: ScanReport
    /// NUL ends lines.
    let endsInNUL: Bool
    /// Set where the lines go to a terminal.
    let quoting: Quoting?

    func write(to output: OutputFile) throws(OutputError) {
        var buffer = ByteBuffer(capacity: 1 << 16)
        for root in report.roots {
            try root.forEachDirectory { (path, _, totals) throws(OutputError) in
                buffer.append(decimal: totals.diskBytes)
                buffer.append(UInt8(ascii: "\t"))
                buffer.append(quoting?.escaped(path) ?? path)
                buffer.append(endsInNUL ? 0 : UInt8(ascii: "\n"))
                if buffer.count >= 1 << 16 {
                    try buffer.drain { (bytes) throws(OutputError) in try output.write(bytes) }
                }
            }
        }
        try buffer.drain { (bytes) throws(OutputError) in try output.write(bytes) }
    }
}
