extension DigestAlgorithm: CaseIterable {
    /// In the order in which they are listed.
    public static let allCases: [DigestAlgorithm] = [
        .sha256, .sha1, .sha512, .md5, .blake2b, .xxh128, .git, .sha384,
    ]

    public static let sha256 = DigestAlgorithm(
        "sha256", bytes: 32, openSSL: "SHA2-256", program: "sha256sum",
        [.resistsCollisions, .inMTree, .inLists, .byLength])

    public static let sha1 = DigestAlgorithm(
        "sha1", bytes: 20, openSSL: "SHA1", program: "sha1sum", [.inMTree, .inLists, .byLength])

    public static let sha512 = DigestAlgorithm(
        "sha512", bytes: 64, openSSL: "SHA2-512", program: "sha512sum",
        [.resistsCollisions, .inMTree, .inLists, .byLength])

    public static let md5 = DigestAlgorithm(
        "md5", bytes: 16, openSSL: "MD5", program: "md5sum", [.inMTree, .inLists, .byLength])

    /// BLAKE2b-512, as `b2sum` prints it.
    public static let blake2b = DigestAlgorithm(
        "blake2b", bytes: 64, openSSL: "BLAKE2B-512", program: "b2sum", [.resistsCollisions, .inLists])

    /// XXH3-128 in its canonical (big-endian) form, as `xxhsum -H2` prints it.
    public static let xxh128 = DigestAlgorithm("xxh128", bytes: 16, openSSL: nil, .inLists)

    /// Object ids of git's SHA-1 format: SHA-1 over `blob <length>` NUL content, or over a tree object.
    public static let git = DigestAlgorithm("git", bytes: 20, openSSL: "SHA1", [])
}
