import Bytes
public import Entries
import LinuxKernel

/// The lines of `sha256sum` and its siblings: a digest, two spaces and a path, for regular files whose digest is known.
extension RecordFormat {
    /// Nil for an algorithm that no such program computes.
    public static func checksums(_ algorithm: DigestAlgorithm) -> RecordFormat? {
        guard let program = algorithm.program else { return nil }
        var format = RecordFormat("\(program)") { encoder, path, kind, _, content in
            encoder.checksum(algorithm, path: path, kind: kind, content: content)
        }
        format.algorithms = { $0.contains(algorithm) ? $0 : $0 + [algorithm] }
        return format
    }
}

extension RecordEncoder {
    fileprivate mutating func checksum(
        _ algorithm: DigestAlgorithm, path: UnsafeRawBufferPointer, kind: EntryKind, content: EntryContent
    ) {
        guard kind == .file, let row = content.digests, !digests.isEmpty else { return }
        // As in coreutils since 9.0: a leading backslash means that the name has escapes.
        let isEscaped = path.contains { Self.checksumEscape(of: $0) != nil }
        if isEscaped { buffer.append(UInt8(ascii: "\\")) }
        let digests = digests
        digests.forEachDigest(of: row) { if $0 == algorithm { buffer.append(hex: $1) } }
        buffer.append("  ")
        if isEscaped {
            for byte in path {
                if let escape = Self.checksumEscape(of: byte) {
                    buffer.append(UInt8(ascii: "\\"))
                    buffer.append(escape)
                } else {
                    buffer.append(byte)
                }
            }
        } else {
            buffer.append(path)
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    private static func checksumEscape(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\\"): UInt8(ascii: "\\")
        case UInt8(ascii: "\n"): UInt8(ascii: "n")
        case UInt8(ascii: "\r"): UInt8(ascii: "r")
        default: nil
        }
    }
}
