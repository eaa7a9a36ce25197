// Messages before the program ends because the library is misused.

/// Ends the program with a sentence that states the caller's mistake. Release builds drop the sentence of
/// `precondition`, but keep this one.
@usableFromInline
@inline(never)
package func misuse(_ sentence: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    fatalError(sentence, file: file, line: line)
}

/// Calls `misuse` unless `condition` holds.
@inlinable
@inline(__always)
package func require(
    _ condition: Bool, _ sentence: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !condition { misuse(sentence(), file: file, line: line) }
}
