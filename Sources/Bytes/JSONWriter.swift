/// Writes JSON, one token after the other, into a buffer of bytes. Strings are in `JSONWriter+Strings.swift`.
///
/// The caller is responsible for the grammar (a key before each value in an object); the writer handles commas, layout
/// and escapes. It works at any depth without recursion: the only state for each level is one bit.
///
/// In the `readable` layout each container says whether its items are on one line or on a line each; `compact` puts
/// everything on one line without spaces.
@usableFromInline package struct JSONWriter: ~Copyable {
    package enum Layout: Sendable { case compact, readable }
    @frozen @usableFromInline package enum Items: Sendable { case onOneLine, onALineEach }

    @usableFromInline package var buffer: ByteBuffer
    private let layout: Layout
    /// For each open container, whether its items are on a line each.
    private var levels: [Bool] = []
    /// How many of `levels` are true: the indentation.
    private var indentation = 0
    /// An item precedes the next one in the innermost container.
    @usableFromInline var needsComma = false
    /// A key was written: the next value belongs to it and takes no separator.
    private var followsKey = false

    /// Deeper levels are not indented further: a chain of 20,000 directories would be indented by 800 MB of spaces.
    private static let deepestIndentation = 32

    package init(layout: Layout, capacity: Int = 4096) {
        self.layout = layout
        buffer = ByteBuffer(capacity: capacity)
    }

    // MARK: Containers

    @inlinable package mutating func beginObject(_ items: Items = .onOneLine) { begin("{", items) }
    @inlinable package mutating func endObject() { end("}") }
    @inlinable package mutating func beginArray(_ items: Items = .onOneLine) { begin("[", items) }
    @inlinable package mutating func endArray() { end("]") }

    /// Ends a record: the next value is on a line of its own. Only between top-level values.
    package mutating func endLine() {
        precondition(levels.isEmpty, "a line ends between top-level values")
        buffer.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: Keys and values

    /// A key that needs no escapes.
    @usableFromInline package mutating func key(_ name: StaticString) {
        beginItem()
        buffer.append(UInt8(ascii: "\""))
        buffer.append(name)
        endKey()
    }

    /// Any key. Disfavoured, so that a literal is a `StaticString`, which needs no look at each byte.
    @_disfavoredOverload package mutating func key(_ name: String) {
        beginItem()
        buffer.append(UInt8(ascii: "\""))
        appendEscaped(name)
        endKey()
    }

    /// A key in base64.
    package mutating func key(base64 bytes: [UInt8]) {
        beginItem()
        buffer.append(UInt8(ascii: "\""))
        bytes.withUnsafeBytes { buffer.append(base64: $0) }
        endKey()
    }

    /// A string in base64.
    package mutating func value(base64 bytes: [UInt8]) {
        plainString { buffer in bytes.withUnsafeBytes { buffer.append(base64: $0) } }
    }

    @usableFromInline package mutating func value(_ value: Int64) {
        beginItem()
        buffer.append(decimal: value)
        needsComma = true
    }

    @usableFromInline package mutating func value(_ value: UInt64) {
        beginItem()
        buffer.append(decimal: value, width: 1)
        needsComma = true
    }

    @usableFromInline package mutating func value(_ value: Bool) {
        beginItem()
        buffer.append(value ? "true" : "false")
        needsComma = true
    }

    @usableFromInline package mutating func null() {
        beginItem()
        buffer.append("null")
        needsComma = true
    }

    @usableFromInline package mutating func value(_ text: String) {
        beginItem()
        buffer.append(UInt8(ascii: "\""))
        appendEscaped(text)
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// A string that `body` appends; it must need no escapes.
    @inline(__always)  // into the caller's specialised loop: a closure context for each time of each record otherwise
    @inlinable package mutating func plainString(_ body: (inout ByteBuffer) -> Void) {
        beginItem()
        buffer.append(UInt8(ascii: "\""))
        body(&buffer)
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
    }

    @inlinable package mutating func beginString() {
        beginItem()
        buffer.append(UInt8(ascii: "\""))
    }

    @inlinable package mutating func endString() {
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Text that is JSON as it stands, for what is written millions of times. Values that follow are separated by a comma.
    @inline(__always) @inlinable package mutating func append(json text: StaticString) {
        buffer.append(text)
        needsComma = true
    }

    /// A number with nine decimals, from nanoseconds (not negative).
    package mutating func seconds(nanoseconds: Int64) {
        beginItem()
        buffer.append(decimal: nanoseconds / 1_000_000_000)
        buffer.append(UInt8(ascii: "."))
        buffer.append(decimal: UInt64(nanoseconds % 1_000_000_000), width: 9)
        needsComma = true
    }

    // MARK: Members of an object: a key and its value

    @inlinable package mutating func member(_ name: StaticString, _ value: Int64) {
        key(name)
        self.value(value)
    }

    @inlinable package mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        self.value(value)
    }

    /// A string, or null.
    @inlinable package mutating func member(_ name: StaticString, _ text: String?) {
        key(name)
        if let text { value(text) } else { null() }
    }

    /// A name or path. If it is not UTF-8, its bytes follow in base64 under the same key with `_b64`.
    @inlinable package mutating func member(_ name: StaticString, bytes: [UInt8]) {
        bytes.withUnsafeBytes { member(name, bytes: $0) }
    }

    @usableFromInline package mutating func member(_ name: StaticString, bytes: UnsafeRawBufferPointer) {
        key(name)
        beginItem()
        buffer.append(UInt8(ascii: "\""))
        let isUTF8 = appendEscaped(bytes)
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
        guard !isUTF8 else { return }
        beginItem()
        buffer.append(UInt8(ascii: "\""))
        buffer.append(name)
        buffer.append("_b64")
        endKey()
        followsKey = false
        buffer.append(UInt8(ascii: "\""))
        buffer.append(base64: bytes)
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
    }

    // MARK: Separators

    @usableFromInline mutating func begin(_ bracket: StaticString, _ items: Items) {
        beginItem()
        buffer.append(bracket)
        let onALineEach = layout == .readable && items == .onALineEach
        levels.append(onALineEach)
        if onALineEach { indentation += 1 }
        needsComma = false
    }

    @usableFromInline mutating func end(_ bracket: StaticString) {
        guard let onALineEach = levels.popLast() else { preconditionFailure("no container is open") }
        if onALineEach {
            indentation -= 1
            if needsComma { beginLine() }
        }
        buffer.append(bracket)
        needsComma = true
    }

    /// Writes the separator between the last item and the next one.
    @usableFromInline mutating func beginItem() {
        if followsKey {
            followsKey = false
            return
        }
        if needsComma { buffer.append(UInt8(ascii: ",")) }
        guard layout == .readable, let onALineEach = levels.last else { return }
        if onALineEach {
            beginLine()
        } else if needsComma {
            buffer.append(UInt8(ascii: " "))
        }
    }

    private mutating func endKey() {
        buffer.append(layout == .readable ? "\": " : "\":")
        followsKey = true
    }

    private mutating func beginLine() {
        buffer.append(UInt8(ascii: "\n"))
        buffer.append(repeating: UInt8(ascii: " "), count: 2 * min(indentation, Self.deepestIndentation))
    }
}
