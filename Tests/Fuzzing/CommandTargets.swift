// The command line and what `--files-from` reads. The sources in Command/ are the program's own, by symlinks: no target but a
// test bundle can be linked with those of a program.

import Entries
import Foundation
import ScanEngine

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
        // Nothing after `--` is an option, and every PATH is an argument.
        precondition(Array(settings.paths.suffix(behind.count)) == behind, "PATHs are as they were given")
        var rest = arguments[...]
        for path in settings.paths {
            rest = rest.drop { $0.bytes != path }
            precondition(rest.popFirst() != nil, "in their order")
        }
        for value in settings.options.exclude + [settings.output, settings.save, settings.trace].compactMap({ $0 }) {
            precondition(arguments.contains { $0.bytes.ends(with: value) }, "a value is what was given, or its end")
        }
        precondition(settings.threads.map { (1...1024).contains($0) } ?? true)
        precondition(settings.options.maxRead >= 0)
        for count in [settings.options.depth, settings.options.top] { precondition(KeptOption.counts.contains(count)) }
        _ = settings.scanOptions(paths: settings.paths, threads: 1)
    case .browse(let settings):
        for path in settings.paths { precondition(arguments.contains { $0.bytes == path }) }
        precondition(settings.threads.map { (1...1024).contains($0) } ?? true)
    case .diff(let settings):
        for side in [settings.old, settings.new] { precondition(arguments.contains { $0.bytes == side }) }
    case .verify(let settings):
        precondition(arguments.contains { $0.bytes == settings.saved })
    case .accept(let settings):
        for path in [settings.saved] + settings.paths { precondition(arguments.contains { $0.bytes == path }) }
    case .prune(let settings):
        precondition(arguments.contains { $0.bytes == settings.file })
    case .saved(let settings):
        precondition(arguments.contains { $0.bytes == settings.file })
    case .plan(let settings):
        for path in settings.options.paths { precondition(arguments.contains { $0.bytes == path }) }
        precondition(settings.shards >= 1)
    case .merge(let settings):
        for path in settings.partials { precondition(arguments.contains { $0.bytes == path }) }
    case .duplicates(let settings):
        for path in settings.paths { precondition(arguments.contains { $0.bytes == path }) }
        precondition(settings.options.sizes.lowerBound >= 0)
        precondition(settings.threads.map { (1...1024).contains($0) } ?? true)
    case .information(let text):
        precondition(!text.isEmpty)
    case .completionScript, .programVersion: break
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
    precondition(settings("--max-read")?.options.maxRead == size(value.bytes), "another size")
    let isNumber = digits.count == value.bytes.count
    precondition(
        settings("--top")?.options.top == (isNumber ? number : nil).flatMap { $0 <= 1_000_000_000 ? Int($0) : nil })
}

/// A size by a regular expression and wide integers.
private func size(_ bytes: [UInt8]) -> Int64? {
    let text = String(decoding: bytes, as: UTF8.self)
    guard text.utf8.elementsEqual(bytes),
        let match = text.wholeMatch(of: /([0-9]+)(?:\.([0-9]+))?(?:([KMGTPEkmgtpe])([iI]?[bB])?)?/)
    else { return nil }
    var unit: UInt128 = 1
    if let letter = match.3 {
        let base: UInt128 = match.4?.count == 1 ? 1000 : 1024
        for other in "KMGTPE" {
            unit *= base
            if letter.uppercased() == String(other) { break }
        }
    } else if match.2 != nil {
        return nil
    }
    var whole: UInt128 = 0
    for digit in match.1.utf8 where whole < 1 << 64 { whole = 10 * whole + UInt128(digit - 0x30) }
    if whole >= 1 << 64 { return .max }
    var (fraction, scale): (UInt128, UInt128) = (0, 1)
    for digit in (match.2 ?? "").utf8.prefix(18) {
        fraction = 10 * fraction + UInt128(digit - 0x30)
        scale *= 10
    }
    return Int64(clamping: whole * unit + fraction * unit / scale)
}

/// A list of PATHs: written again with NULs, it reads back the same.
func fuzzPaths(_ bytes: UnsafeRawBufferPointer) {
    var written: [UInt8] = []
    ScratchFile.with(bytes) { list in
        do throws(UsageError) {
            for path in try FilesFrom.nulSeparated(list).paths() { written += path + [0] }
        } catch {
            precondition(bytes.contains(UInt8(ascii: "\n")), "a list that cannot be read")
            written = Array(bytes) + (bytes.last == 0 ? [] : [0])
        }
        guard let lines = try? FilesFrom.lines(list).paths() else { preconditionFailure("lines that cannot be read") }
        let expected = bytes.split(separator: UInt8(ascii: "\n")).map { Array($0) }
        precondition(lines == expected, "other lines")
    }
    let end = bytes.isEmpty || bytes.last == 0 ? [] : [0] as [UInt8]
    precondition(written == Array(bytes) + end, "another list")
}
