import COpenSSL
import CXXHash
package import Entries

/// Several digests of the same bytes, computed in one pass.
///
///     begin(length:)  update(_:)  update(_:) …  finish(appendingTo:)      a file, a symlink's target
///     beginLane(_:)   updateLane(_:_:) …        finishLane(_:appendingTo:)      one algorithm alone: a directory's tree object
///
/// Holds one OpenSSL context (or XXH3 state) per algorithm and reuses it: with fresh ones 200 bytes cost 230 ns of
/// SHA-256 instead of 175, and malloc's locks are involved. (XXH3: 38 ns. GB/s on one core, 1 MiB buffers: SHA-256 2.1,
/// `git` 2.2, MD5 0.9, XXH3 20; MD5, SHA-1, SHA-256 and SHA-512 together 0.35, the same as one after the other.) A
/// worker owns one for the small files that it reads whole. A very large file, which is hashed in several messages,
/// owns one until it is done.
package struct MultiDigest: ~Copyable {
    package let methods: DigestMethods
    /// `EVP_MD_CTX *` in the order of the set; nil for XXH3. Owned: freed in `deinit`.
    private let contexts: [OpaquePointer?]
    /// The XXH3 state, if the set has XXH3. Owned: freed in `deinit`.
    private let xxhState: OpaquePointer?
    /// Bytes still to come before `finish` may be called; checked, because git's header announces the length.
    private var announced: Int64 = 0

    package var set: DigestSet { methods.set }

    /// Allocates the contexts: about 1 KB for each algorithm.
    package init(_ methods: DigestMethods) {
        self.methods = methods
        contexts = methods.methods.map { method in
            guard method != nil else { return nil }
            guard let context = EVP_MD_CTX_new() else { fatalError("out of memory for an OpenSSL digest context") }
            return context
        }
        if methods.set.algorithms.contains(where: { $0.openSSLName == nil }) {
            guard let state = cxxhash_create() else { fatalError("out of memory for an XXH3 state") }
            xxhState = state
        } else {
            xxhState = nil
        }
    }

    deinit {
        for context in contexts { EVP_MD_CTX_free(context) }
        if let xxhState { cxxhash_free(xxhState) }
    }

    // MARK: Every algorithm at once

    /// Starts the digests of `length` bytes. An unfinished digest is dropped.
    package mutating func begin(length: Int64) {
        announced = length
        for lane in contexts.indices {
            beginLane(lane)
            if set.algorithms[lane] == .git {
                var header: [UInt8] = []
                header.appendObjectHeader("blob ", length: length)
                // The header is the array's own memory, valid during the call.
                header.withUnsafeBytes { updateLane(lane, $0) }
            }
        }
    }

    /// Feeds the next bytes to every algorithm.
    ///
    /// Several algorithms alternate on slices of 64 KiB, which stay in the core's own cache in between.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        announced -= Int64(bytes.count)
        guard contexts.count > 1 else {
            if !contexts.isEmpty { updateLane(0, bytes) }
            return
        }
        var start = 0
        while start < bytes.count {
            let end = min(start + Self.sliceBytes, bytes.count)
            let slice = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            for lane in contexts.indices { updateLane(lane, slice) }
            start = end
        }
    }

    /// Feeds `count` zero bytes: a hole of a sparse file, which need not be read.
    package mutating func updateZeros(_ count: Int64) {
        var rest = count
        while rest > 0 {
            let piece = min(rest, Int64(zeroPage.count))
            update(UnsafeRawBufferPointer(rebasing: zeroPage[..<Int(piece)]))
            rest -= piece
        }
    }

    /// Ends the digests and appends them as one row of `set.rowBytes` bytes.
    ///
    /// - Precondition: exactly the number of bytes came that `begin(length:)` announced. A file with more or fewer
    ///   bytes changed while it was read: its digests must not be finished.
    package mutating func finish(appendingTo rows: inout [UInt8]) {
        precondition(announced == 0, "a digest is finished after as many bytes as were announced")
        for lane in contexts.indices { finishLane(lane, appendingTo: &rows) }
    }

    /// The digests of bytes in memory (a symlink's target; nothing, for a FIFO), appended as one row.
    package mutating func digest(_ bytes: UnsafeRawBufferPointer, appendingTo rows: inout [UInt8]) {
        begin(length: Int64(bytes.count))
        update(bytes)
        finish(appendingTo: &rows)
    }

    // MARK: One algorithm

    /// Starts the digest of the set's algorithm number `lane` alone, without any header.
    package mutating func beginLane(_ lane: Int) {
        guard let context = contexts[lane] else { return cxxhash_begin(xxhState!) }
        Self.check(EVP_DigestInit_ex2(context, methods.methods[lane], nil) == 1, "EVP_DigestInit_ex2")
    }

    package mutating func updateLane(_ lane: Int, _ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        guard let context = contexts[lane] else { return cxxhash_update(xxhState!, start, bytes.count) }
        Self.check(EVP_DigestUpdate(context, start, bytes.count) == 1, "EVP_DigestUpdate")
    }

    package mutating func finishLane(_ lane: Int, appendingTo rows: inout [UInt8]) {
        guard let context = contexts[lane] else {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { digest in
                cxxhash_finish(xxhState!, digest.baseAddress!)
                rows.append(contentsOf: digest)
            }
            return
        }
        // 64 bytes are EVP_MAX_MD_SIZE, so no algorithm can write past them.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(EVP_MAX_MD_SIZE)) { digest in
            var length: UInt32 = 0
            Self.check(EVP_DigestFinal_ex(context, digest.baseAddress, &length) == 1, "EVP_DigestFinal_ex")
            rows.append(contentsOf: digest[..<Int(length)])
        }
    }

    /// OpenSSL's digest calls fail only for lack of memory or in the wrong order; neither is the file's fault.
    private static func check(_ succeeded: Bool, _ call: StaticString) {
        if !succeeded { fatalError("\(call) failed: \(DigestMethods.lastOpenSSLError())") }
    }

    /// Fits into the second-level cache, which has 256 KiB or more on every server core of the last fifteen years.
    private static let sliceBytes = 64 << 10
}

/// A `MultiDigest` is not tied to a thread, and it is not copyable, so its holder is its only user.
extension MultiDigest: @unchecked Sendable {}

/// 64 KiB of zeros. Never written after this line, never freed: safe to share.
nonisolated(unsafe) private let zeroPage: UnsafeRawBufferPointer = {
    let page = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    page.initializeMemory(as: UInt8.self, repeating: 0)
    return UnsafeRawBufferPointer(page)
}()

extension [UInt8] {
    /// Appends the header of a git object: kind with a space, length in decimal, NUL.
    mutating func appendObjectHeader(_ kind: StaticString, length: Int64) {
        kind.withUTF8Buffer { append(contentsOf: $0) }
        append(contentsOf: String(length).utf8)
        append(0)
    }
}
