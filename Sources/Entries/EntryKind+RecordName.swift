package import LinuxKernel

extension EntryKind {
    /// The value of `kind` in records.
    package var recordName: String { recordWord.description }

    /// The same, for code that writes many.
    package var recordWord: StaticString {
        switch self {
        case .directory: "directory"
        case .file: "file"
        case .symlink: "symlink"
        case .fifo: "fifo"
        case .socket: "socket"
        case .blockDevice: "block_device"
        case .characterDevice: "character_device"
        }
    }
}
