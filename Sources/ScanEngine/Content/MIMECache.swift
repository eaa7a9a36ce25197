import CXXHash
import Synchronization

/// libmagic's answers by content, shared by the workers of a scan, of bounded size.
///
/// libmagic needs some hundred microseconds per file; hashing the bytes and a look-up here take less than one for most.
/// Of 55,000 files of a /usr/share 4 % were copies of others, of 116,000 files of a /usr 7 %; trees with checkouts and
/// packages in several versions have more.
///
/// An answer is looked up only if the *whole* content is in memory, because libmagic may read any part: ELF sections
/// through the descriptor, or the last bytes of the file for some archives. Besides the bytes it depends only on the
/// execute bits (they distinguish a program from a library in ELF), which are therefore part of the key.
///
/// A table of 2^14 places without chains: a new answer replaces the one in its place. One lock, held for a compare and
/// a copy; a worker takes it some thousand times a second.
package final class MIMECache: Sendable {
    /// Everything that an answer depends on.
    package struct Key: Equatable, Sendable {
        fileprivate let high: UInt64
        fileprivate let low: UInt64
        /// Length in bytes; the lowest bit tells whether the file is executable.
        fileprivate let lengthAndExecutable: UInt64

        /// Hashes a file's whole content with XXH3-128.
        ///
        /// That hash resists accidents, not malice: an attacker who makes two files collide on purpose gets the type of
        /// one of their own files for the other.
        package init(content: UnsafeRawBufferPointer, isExecutable: Bool) {
            var hash: (high: UInt64, low: UInt64) = (0, 0)
            withUnsafeMutableBytes(of: &hash) { bytes in
                cxxhash_of(content.baseAddress, content.count, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self))
            }
            (high, low) = hash
            lengthAndExecutable = UInt64(content.count) << 1 | (isExecutable ? 1 : 0)
        }
    }

    private struct Place: Sendable {
        var key: Key
        var type: String
    }

    /// Empty until the first answer comes, so that a scan without `--mime` pays nothing. 40 bytes a place: 0.7 MB.
    private let places = Mutex<[Place?]>([])

    private static let placeCount = 1 << 14

    package init() {}

    package func type(for key: Key) -> String? {
        places.withLock { places in
            guard !places.isEmpty, let place = places[Self.index(key)], place.key == key else { return nil }
            return place.type
        }
    }

    package func insert(_ type: String, for key: Key) {
        places.withLock { places in
            if places.isEmpty { places = Array(repeating: nil, count: Self.placeCount) }
            places[Self.index(key)] = Place(key: key, type: type)
        }
    }

    private static func index(_ key: Key) -> Int { Int(truncatingIfNeeded: key.low) & (placeCount - 1) }
}
