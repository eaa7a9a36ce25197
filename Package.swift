// swift-tools-version: 6.2
// fsscan: a parallel filesystem scanner, and the work-stealing actor scheduler that it runs on.
//
// Layers, a lower one never imports a higher one:
//   fsscan -> Snapshots -> Formats -> ScanEngine -> Entries, ExternalSort -> Bytes, LinuxKernel -> CLinux
//                                                -> WorkStealing, Ignore
//                      -> CSQLite                -> COpenSSL, CMagic (system libraries), CXXHash
//   TaskGraphs -> WorkStealing -> LinuxKernel

import PackageDescription

/// Settings for every Swift target.
let swiftSettings: [SwiftSetting] = [
    // `any P` must be spelled out: an existential in a loop costs time, so it must be visible.
    .enableUpcomingFeature("ExistentialAny"),
    // A member is visible only where its module is imported: the imports show the dependencies of a file.
    .enableUpcomingFeature("MemberImportVisibility"),
    // `import` is internal unless it says `public`: a dependency never leaks into the public API by accident.
    .enableUpcomingFeature("InternalImportsByDefault"),
    // A `nonisolated async` function runs where its caller runs: no unexpected hop.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// Hooks before each step that other threads can observe, so that the tests can run every interleaving of a small
/// world. A release build has no hooks. Nor has a build of a package that depends on this one: SwiftPM checks its
/// dependencies out into `checkouts`.
let isDependency = Context.packageDirectory.split(separator: "/").dropLast().last == "checkouts"
let interleaving: [SwiftSetting] = isDependency ? [] : [.define("INTERLEAVING", .when(configuration: .debug))]

/// The MPI that `fsscan-mpi` is built with: its name in pkg-config, or 1 for the usual one. It is built only on request
/// (`make mpi`), so that the package builds on machines without MPI.
let mpi = Context.environment["FSSCAN_MPI"] ?? ""

let mpiTargets: [Target] = [
    .systemLibrary(name: "CMPI", pkgConfig: mpi == "1" ? "mpi-c" : mpi, providers: [.apt(["libopenmpi-dev"])]),
    // Program is a link to fsscan's sources, because no target can link with the sources of a program.
    .executableTarget(
        name: "fsscan-mpi",
        dependencies: [
            "Bytes", "CLinux", "CMPI", "CNcurses", "COutOfMemory", "CPage", "Entries", "ExternalSort", "Formats",
            "Ignore",
            "LinuxKernel", "ScanEngine", "Snapshots", "WorkStealing",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        exclude: ["Program/FSScan.swift"], swiftSettings: swiftSettings),
]

let package = Package(
    name: "fsscan",
    products: [
        .executable(name: "fsscan", targets: ["fsscan"]),
        .executable(name: "fsscan-magic", targets: ["fsscan-magic"]),
        .library(name: "WorkStealing", targets: ["WorkStealing"]),
        .library(name: "TaskGraphs", targets: ["TaskGraphs"]),
        .library(name: "ScanEngine", targets: ["Entries", "Formats", "ScanEngine"]),
    ],
    // swift-collections is not among them. It would replace some 70 lines: `FIFO` and `ReadyQueue`, for which each user of
    // WorkStealing and TaskGraphs would fetch a package. `RunMerge` advances the first element of its heap in place,
    // which `Heap` does not allow.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        // Shims for what Swift cannot import: variadic system calls, thread-local storage, signal handlers.
        .target(name: "CLinux"),
        // The screen of a terminal, by ncursesw: the calls that `fsscan browse` needs.
        .target(name: "CNcurses", linkerSettings: [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo")]),
        // The program's behaviour when memory runs out.
        .target(name: "COutOfMemory", dependencies: ["CLinux"]),
        .systemLibrary(name: "CMagic", pkgConfig: "libmagic", providers: [.apt(["libmagic-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        // XXH3, from the header of libxxhash-dev, for what the processor can do.
        .target(name: "CXXHash"),

        .target(
            name: "WorkStealing", dependencies: ["CLinux", "LinuxKernel"], exclude: ["README.md"],
            swiftSettings: swiftSettings + interleaving),
        .target(name: "TaskGraphs", dependencies: ["WorkStealing"], swiftSettings: swiftSettings),
        // Bytes and text: buffers, hex, base64, vis, UTF-8, times, JSON; each encoder beside its decoder.
        .target(name: "Bytes", swiftSettings: swiftSettings),
        // The only place with system calls, and types for their answers: errors, attributes, mounts.
        .target(name: "LinuxKernel", dependencies: ["CLinux"], swiftSettings: swiftSettings),
        // The patterns of gitignore: bytes in, verdicts out.
        .target(name: "Ignore", swiftSettings: swiftSettings),
        // An entry: its fields, kinds, digests, sort key, and the options of a scan.
        .target(name: "Entries", dependencies: ["Bytes", "CLinux", "LinuxKernel"], swiftSettings: swiftSettings),
        // Records in order and bounded memory: arenas, sorted runs in a temporary file, their merge.
        .target(name: "ExternalSort", dependencies: ["Bytes", "CLinux", "LinuxKernel"], swiftSettings: swiftSettings),
        .target(
            name: "ScanEngine",
            dependencies: [
                "Bytes", "CLinux", "CMagic", "COpenSSL", "CXXHash", "Entries", "ExternalSort", "Ignore", "LinuxKernel",
                "WorkStealing",
            ],
            swiftSettings: swiftSettings),
        // Entries in our formats and those of other programs: writers, readers, and sorting for readers.
        .target(
            name: "Formats",
            dependencies: ["Bytes", "CLinux", "Entries", "ExternalSort", "LinuxKernel", "ScanEngine"],
            swiftSettings: swiftSettings),
        .target(
            name: "Snapshots",
            dependencies: [
                "Bytes", "CLinux", "CSQLite", "Entries", "ExternalSort", "Formats", "Ignore", "LinuxKernel",
                "ScanEngine",
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "fsscan",
            dependencies: [
                "Bytes", "CLinux", "CNcurses", "COutOfMemory", "CPage", "Entries", "ExternalSort", "Formats", "Ignore",
                "LinuxKernel", "ScanEngine", "Snapshots", "WorkStealing",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings),

        // The parts of a --format html page: our own files, and d3-hierarchy from Debian's node-d3-hierarchy.
        .target(
            name: "CPage",
            exclude: ["page.html", "page.css", "tree.js", "colour.js", "map.js", "tables.js", "page.js"]),

        // Asks libmagic, in a process that can do nothing else. ScanEngine starts it; it does not link with ScanEngine.
        .executableTarget(name: "fsscan-magic", dependencies: ["CMagic"]),

        // Trees as literals, a temporary directory, a way to run other programs (the tests' oracles).
        .target(name: "TestSupport", dependencies: ["CLinux"], path: "Tests/TestSupport", swiftSettings: swiftSettings),
        // The parsers that get random bytes, from FuzzTests and from libFuzzer in `fuzz` (make fuzz).
        .target(
            name: "Fuzzing",
            dependencies: [
                "Bytes", "CLinux", "Entries", "ExternalSort", "Formats", "Ignore", "LinuxKernel", "ScanEngine",
                "Snapshots",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Fuzzing", swiftSettings: swiftSettings),
        .executableTarget(
            name: "fuzz", dependencies: ["Fuzzing"], path: "Tests/Fuzz", swiftSettings: swiftSettings),
        .testTarget(
            name: "WorkStealingTests", dependencies: ["CLinux", "TestSupport", "WorkStealing"],
            swiftSettings: swiftSettings + interleaving),
        .testTarget(
            name: "TaskGraphsTests", dependencies: ["TaskGraphs", "TestSupport", "WorkStealing"],
            swiftSettings: swiftSettings),
        .testTarget(name: "BytesTests", dependencies: ["Bytes", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "IgnoreTests", dependencies: ["Ignore", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "ScanEngineTests",
            dependencies: [
                "Bytes", "CLinux", "CXXHash", "Entries", "ExternalSort", "Formats", "LinuxKernel", "ScanEngine",
                "TestSupport",
                "WorkStealing",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "FormatsTests",
            dependencies: [
                "Bytes", "CLinux", "Entries", "ExternalSort", "Formats", "LinuxKernel", "ScanEngine", "TestSupport",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SnapshotsTests",
            dependencies: [
                "Bytes", "CLinux", "Entries", "ExternalSort", "Formats", "Fuzzing", "LinuxKernel", "ScanEngine",
                "Snapshots",
                "TestSupport",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "FsscanTests",
            dependencies: [
                "CLinux", "CNcurses", "Entries", "ExternalSort", "Formats", "LinuxKernel", "ScanEngine", "Snapshots",
                "TestSupport",
                "fsscan",
            ],
            swiftSettings: swiftSettings),
    ] + (mpi.isEmpty ? [] : mpiTargets),
    swiftLanguageModes: [.v6]
)
