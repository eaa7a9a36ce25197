import Bytes
import ScanEngine

/// `--format du`: the lines of `du -B1` for directories down to `--depth`, in du's order: a directory after its
/// contents.
///
/// Each figure equals the output of `du -s -B1` for that directory alone. A single du run over several directories
/// omits inodes that it has already counted.
struct DiskUsageText {
    let report: ScanReport
    /// NUL ends lines.
    let endsInNUL: Bool
    /// Set if the lines go to a terminal.
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
