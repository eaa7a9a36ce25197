import COpenSSL
public import Entries

/// A digest algorithm that this machine's libraries do not provide.
public struct DigestUnavailable: Error, Equatable, Sendable {
    public let algorithm: DigestAlgorithm
    /// A sentence for people, with OpenSSL's own reason.
    public let message: String
}

/// The implementations of a set of algorithms, looked up once for a whole scan and shared by its workers.
///
/// Looking up an algorithm (`EVP_MD_fetch`) walks OpenSSL's providers under locks and costs about a microsecond; using
/// the result costs nothing. A machine in FIPS mode has no MD5 and no BLAKE2b: that is detected here, before the scan,
/// not at the first file.
package final class DigestMethods: Sendable {
    package let set: DigestSet
    /// `EVP_MD *` in the order of `set.algorithms`; nil for XXH3.
    ///
    /// Written in `init` only, and OpenSSL allows any number of threads to use an `EVP_MD` at a time: safe to share.
    nonisolated(unsafe) let methods: [OpaquePointer?]

    /// Looks up every algorithm of the set.
    ///
    /// - Throws: `DigestUnavailable` for the first one that OpenSSL does not have.
    package init(_ set: DigestSet) throws(DigestUnavailable) {
        var methods: [OpaquePointer?] = []
        for algorithm in set.algorithms {
            guard let name = algorithm.openSSLName?.description else {
                methods.append(nil)
                continue
            }
            guard let method = EVP_MD_fetch(nil, name, nil) else {
                for method in methods { EVP_MD_free(method) }
                throw DigestUnavailable(
                    algorithm: algorithm,
                    message: "OpenSSL on this machine does not provide \(name), which \(algorithm.rawValue) needs"
                        + " (in FIPS mode some algorithms are switched off): \(Self.lastOpenSSLError())")
            }
            precondition(
                Int(EVP_MD_get_size(method)) == algorithm.byteCount,
                "OpenSSL's digests are as long as the standards say")
            methods.append(method)
        }
        self.set = set
        self.methods = methods
    }

    deinit {
        for method in methods { EVP_MD_free(method) }
    }

    /// The newest error on this thread's OpenSSL error queue, as text; clears the queue.
    static func lastOpenSSLError() -> String {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0 else { return "no reason given" }
        // 256 bytes are what ERR_error_string_n(3) advises; it always terminates the text.
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
