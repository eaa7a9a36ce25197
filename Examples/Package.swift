// swift-tools-version: 6.2
// Complete programs that use the scheduler. A package of its own, as yours would be.
//
//     make examples            builds all, runs them, and checks what they print

import PackageDescription

func example(_ name: String, _ products: String...) -> Target {
    .executableTarget(
        name: name, dependencies: products.map { .product(name: $0, package: "fsscan") }, path: name,
        exclude: name == "ArticleGraph" ? ["expected.txt"] : [],
        swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
    name: "Examples",
    dependencies: [.package(name: "fsscan", path: "..")],
    targets: [
        // The three steps of the tutorial: links to the code that it shows.
        example("FirstActor", "WorkStealing"),
        example("FanOut", "WorkStealing"),
        example("TreeSize", "WorkStealing"),
        example("Pipeline", "WorkStealing"),
        example("MergeSort", "WorkStealing"),
        example("ArticleGraph", "TaskGraphs", "WorkStealing"),
        example("BlockedWorkers", "WorkStealing"),
    ],
    swiftLanguageModes: [.v6]
)
