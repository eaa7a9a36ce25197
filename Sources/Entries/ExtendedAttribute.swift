/// An extended attribute: names and values are bytes.
@usableFromInline package struct ExtendedAttribute: Hashable, Sendable {
    /// With its namespace: `user.comment`, `security.capability`, `system.posix_acl_access`.
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }
}
