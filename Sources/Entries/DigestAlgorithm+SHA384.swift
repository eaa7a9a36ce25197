extension DigestAlgorithm {
    /// As `sha384sum` prints it.
    public static let sha384 = DigestAlgorithm(
        "sha384", bytes: 48, openSSL: "SHA2-384", program: "sha384sum",
        [.resistsCollisions, .inMTree, .inLists, .byLength])
}
