import Glibc

/// Whether /dev/shm is a tmpfs, which supports files of 2^63−1 bytes.
package let isTmpfs: Bool = (try? run(["stat", "-f", "-c", "%T", "/dev/shm"]).outputText) == "tmpfs\n"

/// Whether tests may mount in their own mount namespace.
package let canMount: Bool = mountObstacle == nil

/// The reason if they may not. `unshare` first makes all mounts private, which requires a root directory that is a
/// mount point; in a plain chroot it is not.
package let mountObstacle: String? = {
    if !isRoot { return "needs root, to mount" }
    guard let outcome = try? run(["unshare", "-m", "true"]) else { return "needs unshare(1)" }
    return outcome.status == 0 ? nil : "needs a mount namespace; \(outcome.errorText.filter { $0 != "\n" })"
}()

/// Whether this kernel has a file system, built in or as a module.
package func kernelKnows(_ type: String) -> Bool {
    _ = try? run(["modprobe", "-q", ByteString(type)])
    let list = (try? run(["cat", "/proc/filesystems"]).outputText) ?? ""
    return list.split { " \t\n".contains($0) }.contains { $0 == type }
}

/// Whether `systemd-analyze` can check units here: it creates /run/systemd if no systemd runs.
package let canAnalyzeUnits: Bool = isRoot || access("/run/systemd", F_OK) == 0
