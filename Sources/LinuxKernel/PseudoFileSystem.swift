/// A type of file system whose files the kernel generates when they are read. Named as in the mount table.
package enum PseudoFileSystem: UInt8, CaseIterable, Sendable {
    case proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, configfs, pstore, efivarfs, bpf, selinuxfs
    case binfmtMisc, fusectl

    package init?(magicNumber: UInt64) {
        guard let type = Self.allCases.first(where: { $0.magicNumber == magicNumber }) else { return nil }
        self = type
    }

    /// The type from `statfs(2)`; from linux/magic.h.
    private var magicNumber: UInt64 {
        switch self {
        case .proc: 0x9fa0
        case .sysfs: 0x6265_6572
        case .cgroup: 0x27_e0eb
        case .cgroup2: 0x6367_7270
        case .debugfs: 0x6462_6720
        case .tracefs: 0x7472_6163
        case .securityfs: 0x7363_6673
        case .configfs: 0x6265_6570
        case .pstore: 0x6165_676c
        case .efivarfs: 0xde5e_81e4
        case .bpf: 0xcafe_4a11
        case .selinuxfs: 0xf97c_ff8c
        case .binfmtMisc: 0x4249_4e4d
        case .fusectl: 0x6573_5543
        }
    }

    package var name: String { self == .binfmtMisc ? "binfmt_misc" : "\(self)" }
}
