import ArgumentParser
import ScanEngine

@main
struct FSScan: ParsableCommand {
    mutating func run() throws {}
}
