// The program of `make fuzz`: fuzz TARGET [libFuzzer's options] CORPUS...
//
// Built without FUZZER it runs the target on each FILE: fuzz TARGET FILE...

import Foundation
import Fuzzing

#if FUZZER
/// libFuzzer's own main function, as a call. From libclang_rt.fuzzer_no_main.
@_silgen_name("LLVMFuzzerRunDriver")
func fuzzerRunDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
#endif

/// A C function pointer captures nothing: the target is a global.
enum Chosen {
    static let target: FuzzTarget = {
        if CommandLine.arguments.count > 1, let target = FuzzTarget.named(CommandLine.arguments[1]) { return target }
        print("usage: fuzz \(FuzzTarget.all.map(\.name).joined(separator: "|")) FILE...")
        exit(64)
    }()
}

let target = Chosen.target
#if FUZZER
// libFuzzer does not know the target's name.
var count = CommandLine.argc - 1
var arguments = CommandLine.unsafeArgv + 1
arguments[0] = CommandLine.unsafeArgv[0]
exit(
    fuzzerRunDriver(&count, &arguments) { bytes, count in
        Chosen.target.run(UnsafeRawBufferPointer(start: bytes, count: count))
        return 0
    })
#else
for path in CommandLine.arguments.dropFirst(2) {
    target.run(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
}
#endif
