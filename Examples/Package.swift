// swift-tools-version: 6.2
// Complete programs that use the scheduler. A package of its own, as yours would be.
//
//     make examples builds all, runs them, and checks their output

import PackageDescription

func example(_ name: String, _ products: String..., others: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: products.map { .product(name: $0, package: "fsscan") } + others, path: name,
        exclude: ["ArticleGraph": ["expected.txt"], "HTTPServer": ["README.md"]][name] ?? [],
        swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
    name: "Examples",
    dependencies: [
        .package(name: "fsscan", path: ".."),
        // HTTPServer alone needs it. The libraries do not, so their users do not fetch it.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        // The three steps of the tutorial: links to the code that it shows.
        example("FirstActor", "WorkStealing"),
        example("FanOut", "WorkStealing"),
        example("TreeSize", "WorkStealing"),
        example("Pipeline", "WorkStealing"),
        example("MergeSort", "WorkStealing"),
        example("ArticleGraph", "TaskGraphs", "WorkStealing"),
        example("BlockedWorkers", "WorkStealing"),
        example(
            "HTTPServer", "WorkStealing",
            others: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
