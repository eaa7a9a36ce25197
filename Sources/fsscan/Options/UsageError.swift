/// An invalid command line: one line for standard error, exit status 64.
struct UsageError: Error {
    /// Without the program's name; may contain bytes of arguments, which are quoted when it is printed.
    var message: [UInt8]

    init(_ message: String) { self.message = Array(message.utf8) }

    /// `option: 'value' explanation`
    init(_ option: String, _ value: CarriedArgument, _ explanation: String) {
        let quoted = Self.shortened(value.bytes, 200, end: 0)
        message = Array("\(option): '".utf8) + quoted + Array("' \(explanation)".utf8)
    }

    /// Bytes of arguments as quoted in messages: a list of a thousand PATHs that was mistaken for one PATH helps
    /// nobody.
    ///
    /// - Parameters:
    ///   - start: the number of leading bytes to keep, or slightly fewer, so that no UTF-8 character is cut.
    ///   - end: the number of trailing bytes.
    private static func shortened(_ bytes: [UInt8], _ start: Int, end: Int) -> [UInt8] {
        let dots = Array("...".utf8)
        guard bytes.count > start + end + dots.count else { return bytes }
        func isInsideCharacter(_ index: Int) -> Bool { index < bytes.count && bytes[index] & 0xC0 == 0x80 }
        var (first, last) = (start, bytes.count - end)
        for _ in 0..<3 where isInsideCharacter(first) { first -= 1 }
        for _ in 0..<3 where isInsideCharacter(last) { last += 1 }
        return bytes[..<first] + dots + bytes[last...]
    }
}

extension UsageError {
    /// A message of the parser: its newlines are its own, but the arguments in it are still mapped.
    init(_ parserMessage: String, fromParser: Void) {
        let line = Self.withoutFarSuggestion(parserMessage).split { $0 == "\n" || $0 == " " }.joined(separator: " ")
        let sentence = line.prefix(1).lowercased() + line.dropFirst()
        let text = CarriedArgument(carried: sentence).bytes
        message = Self.shortened(text, 300, end: 100) + Array(" (see fsscan --help)".utf8)
    }

    /// The parser regards words as near up to three edits, and would suggest `--hash` for a mistyped `--si`.
    private static func withoutFarSuggestion(_ message: String) -> String {
        // Unknown option 'NAME'. Did you mean 'OTHER'?
        let parts = message.split(separator: "'", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[2] == ". Did you mean " else { return message }
        let names = [parts[1], parts[3]].map { $0.drop { $0 == "-" }.utf8 }
        return EditDistance.isNear(names[0], names[1]) ? message : "\(parts[0])'\(parts[1])'"
    }
}
