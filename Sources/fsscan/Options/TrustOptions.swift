internal import ArgumentParser
import Entries
import ScanEngine

/// Shared by `--baseline` and `verify --quick`.
struct TrustOptions: ParsableArguments {
    @Flag(help: "Also reuse digests of files that users other than root and you can write to, if their times match.")
    var trustTimes = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Also read this share of files that look unchanged, at random. (default: 0%; verify --quick: 1%)",
            valueName: "P%"))
    var reread: CarriedArgument?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Continue only if this is the evidence of the saved scan, or the SHA-256 of the file SAVED; repeatable.",
            valueName: "EVIDENCE"))
    var expect: [CarriedArgument] = []
}

extension TrustOptions {
    var isGiven: Bool { trustTimes || reread != nil }

    func trust(reread share: Double) throws(UsageError) -> ContentBaseline.Trust {
        var trust = ContentBaseline.Trust()
        trust.timesAlone = trustTimes
        trust.reread = try reread.map { value throws(UsageError) in try Self.share(value) } ?? share
        return trust
    }

    /// Digits, perhaps with a point, and a percent sign.
    private static func share(_ value: CarriedArgument) throws(UsageError) -> Double {
        let parts = value.carried.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        let isNumber =
            (1...2).contains(parts.count) && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }
        guard value.carried.last == "%", isNumber, let percent = Double(value.carried.dropLast()), percent <= 100 else {
            throw UsageError("--reread", value, "is not a share from 0% to 100%")
        }
        return percent / 100
    }

    func expected() throws(UsageError) -> [String] { try Self.digests(expect) }

    /// Of `--expect`, in lower-case hex.
    static func digests(_ expect: [CarriedArgument]) throws(UsageError) -> [String] {
        let lengths = DigestAlgorithm.allCases.map { 2 * $0.byteCount }
        var expected: [String] = []
        for value in expect {
            let digest = value.carried.lowercased()
            guard lengths.contains(digest.utf8.count), digest.allSatisfy({ $0.isASCII && $0.isHexDigit })
            else { throw UsageError("--expect", value, "is not a digest in hex") }
            expected.append(digest)
        }
        return expected
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
