// swift-tools-version: 6.2
// Benchmarks of the Swift modules. A package of its own, so that whoever uses the library never builds them.
//
//     swift build --package-path Benchmarks -c release

import PackageDescription

let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "fsscan", path: "..")
    ],
    targets: [
        .executableTarget(
            name: "SchedulerBench",
            dependencies: [.product(name: "WorkStealing", package: "fsscan")],
            path: "scheduler/SchedulerBench",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .treatAllWarnings(as: .error),
            ],
            // As the fsscan program itself: no dynamic runtime to load, none to call through.
            linkerSettings: [.unsafeFlags(["-static-stdlib"])])
    ],
    swiftLanguageModes: [.v6]
)
