// swift-tools-version: 6.2
// Benchmarks of the Swift modules. A separate package, so that users of the library never build it.
//
//     swift build --package-path Benchmarks -c release

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// As the fsscan program itself: no dynamic runtime to load, none to call through.
let linkerSettings: [LinkerSetting] = [.unsafeFlags(["-static-stdlib"])]

let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "fsscan", path: "..")
    ],
    targets: [
        .target(name: "Measuring", path: "scheduler/Measuring", swiftSettings: swiftSettings),
        .executableTarget(
            name: "SchedulerBench",
            dependencies: ["Measuring", .product(name: "WorkStealing", package: "fsscan")],
            path: "scheduler/SchedulerBench", swiftSettings: swiftSettings, linkerSettings: linkerSettings),
        .executableTarget(
            name: "WorkloadBench",
            dependencies: ["Measuring", .product(name: "WorkStealing", package: "fsscan")],
            path: "scheduler/WorkloadBench", swiftSettings: swiftSettings, linkerSettings: linkerSettings),
    ],
    swiftLanguageModes: [.v6]
)
