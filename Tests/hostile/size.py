"""Deep and wide trees with few descriptors, small stacks and little address space: the same bytes as without limits."""

import os
import resource
import shutil
import subprocess
import time

import support

DESCRIPTORS = {resource.RLIMIT_NOFILE: 32}
STACK = {resource.RLIMIT_STACK: 256 << 10}
HEADROOM = 96 << 20


def run(session):
    base = idle_address_space(session)
    space = {resource.RLIMIT_AS: base + HEADROOM}
    limits = {
        "ulimit -n 32": DESCRIPTORS, "ulimit -s 256": STACK, "96 MiB of address space": space,
        "all three": {**DESCRIPTORS, **STACK, **space},
    }
    if session.short:
        limits = {"all three": limits["all three"]}
    deep(session, limits)
    subdirectories(session, limits)
    files(session, limits)


def idle_address_space(session):
    """The memory that the program has mapped before it scans. It waits for the reader of a FIFO."""
    fifo = session.directory() + b"/fifo"
    os.mkfifo(fifo)
    process = session.start(["-o", fifo, "/dev/null"])
    pages = 0
    for _ in range(500):
        time.sleep(0.01)
        with open(f"/proc/{process.pid}/syscall") as file:
            call = file.read().split(" ")[0]
        with open(f"/proc/{process.pid}/statm") as file:
            pages = int(file.read().split()[0])
        if call in ("257", "56"):
            break
    process.kill()
    session.finish(process)
    return pages * resource.getpagesize()


def compare(session, case, tree, limits, options, entries, scans=None):
    """Each set of options under each limit, at 1, 2 and 8 threads."""
    times, slowest = 0, 0.0
    for arguments in options:
        plain = session.scan([*arguments, "--threads", "2", tree], timeout=600)
        report = session.report(plain, case, validated=False) if "--json" in arguments else None
        if report:
            session.check(report["totals"]["entries"] == entries, f"{case}: {report['totals']['entries']} of {entries}")
            session.check(report["totals"]["errors"] == 0, f"{case}: {report['errors'][:3]}")
        session.check(plain.status == 0, f"{case}: {plain.shown()}")
        for name, limit in limits.items():
            threads = session.random.choice(["1", "2", "8"]) if session.short else None
            for count in [threads] if threads else ["1", "2", "8"]:
                result = session.scan([*arguments, "--threads", count, tree], timeout=600, limits=limit)
                what = f"{case}, {name}, {count} threads, {arguments}"
                session.check(result.status == 0, f"{what}: {result.shown()}")
                same = comparable(result, arguments) == comparable(plain, arguments)
                session.check(same, f"{what}: other bytes than without limits")
                times += 1
                slowest = max(slowest, result.seconds)
    session.row(case, f"{times} scans, {', '.join(limits)}; " + "; ".join(" ".join(o) or "text" for o in options),
                f"the same bytes as without limits, slowest {slowest:.1f} s")


def comparable(result, arguments):
    if "--ndjson" not in arguments:
        return support.timeless(result)
    lines = result.out.splitlines()[1:-1]
    return lines if "--sorted" in arguments else sorted(lines)


def deep(session, limits):
    depth = 20_000
    tree = session.directory()
    place = os.open(tree, os.O_RDONLY)
    for level in range(depth):
        # A sibling on some levels, so that descriptors of the chain are needed again on the way back.
        if level % 100 == 0:
            os.mkdir(b"z", dir_fd=place)
        os.mkdir(b"directory", dir_fd=place)
        below = os.open(b"directory", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(os.open(b"bottom", os.O_WRONLY | os.O_CREAT, dir_fd=place))
    os.close(place)
    options = [["--json"], ["--json", "--hash", "sha256", "--depth", "30000"]]
    if not session.short:
        # Not records: 20,000 paths of up to 200,000 bytes are 2 GB.
        options += [["--json", "--mime", "--exclude", "/directory/**/none"]]
    compare(session, f"a chain of {depth:,} directories, a path of {depth * 10:,} bytes", tree, limits, options,
            1 + depth + depth // 100 + 1)


def subdirectories(session, limits):
    count = 10_000 if session.short else 100_000
    tree = session.directory()
    for index in range(count):
        os.mkdir(tree + b"/d%d" % index)
    options = [["--json"], ["--json", "--hash", "git"]]
    if not session.short:
        options += [["--ndjson", "--sorted"], ["--json", "--depth", "2", "--top", "100"]]
    compare(session, f"{count:,} subdirectories in one directory", tree, limits, options, 1 + count)


def files(session, limits):
    count = 50_000 if session.short else 2_000_000
    parent = roomy(count)
    if parent is None:
        return session.skip(f"{count:,} files in one directory", "no file system with as many free inodes")
    tree = session.directory(parent)
    place = os.open(tree, os.O_RDONLY)
    for index in range(count):
        os.mknod(b"f%d" % index, 0o100644, dir_fd=place)
    os.close(place)
    options = [["--json"]] if session.short else [["--json"], ["--json", "--top", "1000"]]
    compare(session, f"{count:,} files in one directory", tree, limits, options, 1 + count)
    # Digests and sorted records keep something for each file: that is more than fits into 96 MiB.
    few = {"ulimit -n 32 -s 256": {**DESCRIPTORS, **STACK}}
    options = [["--json", "--hash", "xxh128"]]
    compare(session, f"{count:,} files in one directory, with content", tree, few, options, 1 + count)


def roomy(count):
    """A directory with room for this many files; in memory if there is room."""
    for parent in ("/dev/shm", os.environ.get("TMPDIR", "/tmp")):
        if not os.path.isdir(parent):
            continue
        status = os.statvfs(parent)
        free = resource.getpagesize() * count // 2
        if status.f_favail > count * 1.1 and shutil.disk_usage(parent).free > free and available_memory() > 2 * free:
            return parent
    return None


def available_memory():
    out = subprocess.run(["awk", "/MemAvailable/ { print $2 }", "/proc/meminfo"], stdout=subprocess.PIPE, check=True).stdout
    return int(out) * 1024
