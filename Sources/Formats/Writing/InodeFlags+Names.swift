package import LinuxKernel

extension InodeFlags {
    /// Their names in records, in their order there.
    package static let names: [(name: StaticString, flag: InodeFlags)] = [
        ("append_only", .appendOnly), ("immutable", .immutable),
    ]
}
