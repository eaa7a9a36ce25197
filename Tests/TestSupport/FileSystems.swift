/// Whether /dev/shm is a tmpfs, which takes files of 2^63−1 bytes.
package let isTmpfs: Bool = (try? run(["stat", "-f", "-c", "%T", "/dev/shm"]).outputText) == "tmpfs\n"

/// Whether tests may mount in a mount namespace of their own.
package let canMount: Bool = (try? run(["unshare", "-m", "true"]).status) == 0

/// Whether this kernel has a file system, built in or as a module.
package func kernelKnows(_ type: String) -> Bool {
    _ = try? run(["modprobe", "-q", ByteString(type)])
    let list = (try? run(["cat", "/proc/filesystems"]).outputText) ?? ""
    return list.split { " \t\n".contains($0) }.contains { $0 == type }
}
