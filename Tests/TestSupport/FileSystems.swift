/// Whether /dev/shm is a tmpfs, which takes files of 2^63−1 bytes.
package let isTmpfs: Bool = (try? run(["stat", "-f", "-c", "%T", "/dev/shm"]).outputText) == "tmpfs\n"

/// Whether tests may mount in a mount namespace of their own.
package let canMount: Bool = (try? run(["unshare", "-m", "true"]).status) == 0
