// What the library says before it ends the program because it is used wrongly.

/// Ends the program with a sentence that says what the caller did wrong. Release builds drop the sentence of `precondition`;
/// this one they keep.
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
