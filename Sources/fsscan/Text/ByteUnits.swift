/// The units of sizes.
enum ByteUnits {
    /// Powers of 1024.
    case binary
    /// Powers of 1000 (`--si`).
    case decimal
    /// Bytes (`--bytes`).
    case exact

    /// Nil: there is only one unit.
    var base: UInt64? {
        switch self {
        case .binary: 1024
        case .decimal: 1000
        case .exact: nil
        }
    }

    private static let binaryNames = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    private static let decimalNames = ["kB", "MB", "GB", "TB", "PB", "EB"]

    var names: [String] { self == .decimal ? Self.decimalNames : Self.binaryNames }
}
