extension Collection<UInt8> {
    /// Without the byte order mark that programs on Windows write at the beginning of UTF-8 text.
    var withoutByteOrderMark: SubSequence { starts(with: [0xEF, 0xBB, 0xBF]) ? dropFirst(3) : self[...] }
}
