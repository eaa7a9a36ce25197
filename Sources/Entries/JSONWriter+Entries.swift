package import Bytes
package import LinuxKernel

/// Parts shared by reports, records and comparisons.
extension JSONWriter {
    /// Hex by algorithm, or null.
    package mutating func member(digests: [NamedDigest]?) {
        key("digests")
        guard let digests else {
            null()
            return
        }
        beginObject()
        for digest in digests { member(digest) }
        endObject()
    }

    package mutating func member(_ digest: NamedDigest) {
        key(digest.algorithm)
        value(digest.hex)
    }

    /// The members of an error; the object around them is the caller's.
    package mutating func members(of error: ScanError) {
        member("path", bytes: error.path)
        member("operation", error.operation)
        member("code", error.code)
        member("message", error.message)
    }

    /// Null for a time that RFC 3339 cannot write.
    package mutating func member(_ name: StaticString, time: FileTime?) {
        let text = time.flatMap { Timestamp.rfc3339(seconds: $0.seconds, nanoseconds: $0.nanoseconds) }
        member(name, text)
    }
}
