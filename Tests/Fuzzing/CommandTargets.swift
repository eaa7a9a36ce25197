// The command line and what `--files-from` reads. The sources in Command/ are the program's own, by symlinks: no target but a
// test bundle can be linked with those of a program.

import Foundation

/// Arguments with NULs between them. As a first argument, any bytes as the value of an option with numbers, too.
func fuzzCommand(_ bytes: UnsafeRawBufferPointer) {
    let given = bytes.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
    let arguments = given.map { CarriedArgument(bytes: $0) }
    for argument in arguments {
        precondition(CarriedArgument(carried: argument.carried) == argument, "carried there and back")
        precondition("=\(argument.carried)".count == argument.bytes.count + 1, "each byte is a character of its own")
    }
    check(arguments)
    checkNumbers(arguments[0])
}

private func check(_ arguments: [CarriedArgument]) {
    let invocation: Invocation
    do throws(UsageError) {
        invocation = try Invocation(arguments)
    } catch {
        let line = Quoting.forErrors.escapedMessage(error.message)
        precondition(!line.isEmpty && line.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "one line, with a reason")
        return
    }
    let dashes = Array("--".utf8)
    let behind = arguments.drop { $0.bytes != dashes }.dropFirst().map(\.bytes)
    switch invocation {
    case .scan(let settings):
        // Nothing behind `--` is an option, and nothing that is no argument is a PATH.
        precondition(Array(settings.paths.suffix(behind.count)) == behind, "PATHs are as they were given")
        var rest = arguments[...]
        for path in settings.paths {
            rest = rest.drop { $0.bytes != path }
            precondition(rest.popFirst() != nil, "in their order")
        }
        for value in settings.exclude + [settings.output, settings.save, settings.trace].compactMap({ $0 }) {
            precondition(arguments.contains { $0.bytes.ends(with: value) }, "a value is what was given, or its end")
        }
        precondition(settings.threads.map { (1...1024).contains($0) } ?? true)
        precondition(settings.maxRead.map { $0 >= 0 } ?? true)
        precondition((0...1_000_000_000).contains(settings.depth) && (0...1_000_000_000).contains(settings.top))
        _ = settings.scanOptions(paths: settings.paths, threads: 1)
    case .diff(let settings):
        for side in [settings.old, settings.new] { precondition(arguments.contains { $0.bytes == side }) }
    case .verify(let settings):
        precondition(arguments.contains { $0.bytes == settings.saved })
    case .saved(let settings):
        precondition(arguments.contains { $0.bytes == settings.file })
    case .information(let text):
        precondition(!text.isEmpty)
    case .programVersion: break
    }
}

extension [UInt8] {
    fileprivate func ends(with end: [UInt8]) -> Bool { count >= end.count && suffix(end.count).elementsEqual(end) }
}

/// A size and a number, read digit by digit.
private func checkNumbers(_ value: CarriedArgument) {
    func settings(_ option: String) -> ScanSettings? {
        let arguments = [option, "x"].map { CarriedArgument(bytes: Array($0.utf8)) }
        guard case .scan(let settings) = try? Invocation([arguments[0], value, arguments[1]]) else { return nil }
        return settings
    }
    let digits = value.bytes.prefix { (0x30...0x39).contains($0) }
    var number: Int64? = digits.isEmpty ? nil : 0
    for digit in digits {
        let (product, isTooLarge) = (number ?? 0).multipliedReportingOverflow(by: 10)
        let (sum, isStillTooLarge) = product.addingReportingOverflow(Int64(digit - 0x30))
        number = number == nil || isTooLarge || isStillTooLarge ? nil : sum
    }
    var unit = value.bytes[digits.count...].map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }
    if unit.ends(with: Array("IB".utf8)) { unit.removeLast(2) }
    let power = ["", "K", "M", "G", "T", "P", "E"].firstIndex { $0.utf8.elementsEqual(unit) }
    var size = power == nil ? nil : number
    for _ in 0..<(power ?? 0) {
        let (product, isTooLarge) = (size ?? 0).multipliedReportingOverflow(by: 1024)
        size = size == nil ? nil : isTooLarge ? .max : product
    }
    precondition(settings("--max-read")?.maxRead == size, "another size")
    let isNumber = digits.count == value.bytes.count
    precondition(settings("--top")?.top == (isNumber ? number : nil).flatMap { $0 <= 1_000_000_000 ? Int($0) : nil })
}

/// A list of PATHs: written again with NULs it is what was read.
func fuzzPaths(_ bytes: UnsafeRawBufferPointer) {
    var written: [UInt8] = []
    ScratchFile.with(bytes) { list in
        guard let paths = try? FilesFrom.read(list) else { preconditionFailure("a list that cannot be read") }
        for path in paths { written += path + [0] }
    }
    let end = bytes.isEmpty || bytes.last == 0 ? [] : [0] as [UInt8]
    precondition(written == Array(bytes) + end, "another list")
}
