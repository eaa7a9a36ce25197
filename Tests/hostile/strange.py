"""Endless and strange files: fsscan waits for none, and reads none without end."""

import hashlib
import os
import socket
import stat
import threading
import time

import support

CONTENT = ["--hash", "sha256,xxh128,git", "--mime"]
ENDLESS = "9223372036854775807"


def run(session):
    specials(session)
    endless_sizes(session)
    pseudo_files(session)
    growing(session)
    restless(session)


def specials(session):
    place = session.directory()
    names = ["fifo", "socket", "listening"]
    os.mkfifo(place + b"/fifo")
    os.mknod(place + b"/socket", stat.S_IFSOCK | 0o600)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fsdecode(place + b"/listening"))
    listener.listen()
    if support.makes_devices():
        for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("kmsg", 11)):
            os.mknod(place + b"/" + name.encode(), stat.S_IFCHR | 0o600, os.makedev(1, minor))
            names.append(name)
        os.mknod(place + b"/tty", stat.S_IFCHR | 0o600, os.makedev(5, 0))
        os.mknod(place + b"/block", stat.S_IFBLK | 0o600, os.makedev(240, 17))
        names += ["tty", "block"]
    else:
        session.skip("devices in a tree", "device nodes need root")
    paths = [place, *(place + b"/" + name.encode() for name in names), b"/dev/zero", b"/dev/null", b"/dev/tty"]
    empty = hashlib.sha256(b"").hexdigest()
    times = session.times(2, 20)
    for index in range(times):
        result = session.scan(["--ndjson", "--threads", str(1 + index % 8), *CONTENT, *paths], timeout=30)
        records = session.records(result, "special files") or []
        kinds = [r for r in records if r["type"] == "entry" and r["kind"] not in ("directory", "file")]
        session.check(result.status == 0 and len(kinds) == 2 * len(names) + 3, f"special files: {result.shown()}")
        session.check(all(r["digests"]["sha256"] == empty for r in kinds), "a special file has content")
    listener.close()
    session.row("FIFOs, sockets and devices (zero, random, kmsg, tty, a block device …), in a tree and as PATHs, with "
                "digests and types", f"{times} scans of {len(names)}", "counted, digests of nothing, no waiting")


def endless_sizes(session):
    """Files of 2^63-1 bytes with nothing in them, where the file system takes them."""
    for parent in ("/dev/shm", None):
        place = session.directory(parent)
        size = largest_file(place + b"/huge")
        os.link(place + b"/huge", place + b"/link")
        threads = str(session.random.choice([1, 2, 8]))
        refused = session.scan(["--json", "--threads", threads, *CONTENT, place], timeout=60)
        report = session.report(refused, "a huge file") or {"errors": []}
        codes = [error["code"] for error in report["errors"]]
        session.check(codes == ["EFBIG", "EFBIG"] and refused.status == 1, f"a huge file: {codes} {refused.shown()}")
        typed = session.scan(["--json", "--mime", "--max-read", ENDLESS, place], timeout=60)
        session.check(typed.status == 0, f"the type of a huge file: {typed.shown()}")
        stopped = []
        for _ in range(session.times(1, 10)):
            process = session.start(["--json", "--threads", threads, "--hash", "xxh128", "--max-read", ENDLESS,
                                     "--max-holes", ENDLESS, place])
            time.sleep(0.3 * session.random.random() + 0.1)
            start = time.monotonic()
            process.terminate()
            result = session.finish(process, 20, "a huge file that is hashed")
            stopped.append(time.monotonic() - start)
            report = session.report(result, "a huge file, stopped") or {"complete": None}
            session.check(result.status == 143 and report["complete"] is False, f"stopped: {result.shown()}")
        session.row(f"a sparse file of {size:,} bytes with two names", f"{2 + len(stopped)} scans",
                    f"EFBIG above --max-read, its type in {typed.seconds:.2f} s; while it is hashed, SIGTERM ends it "
                    f"within {max(stopped) * 1000:.0f} ms")


def largest_file(path):
    """A file as large as the file system allows; returns its size."""
    with open(path, "wb") as file:
        low, high = 0, 2**63 - 1
        while low < high:
            middle = (low + high + 1) // 2
            try:
                os.ftruncate(file.fileno(), middle)
                low = middle
            except OSError:
                high = middle - 1
        os.ftruncate(file.fileno(), low)
    return low


def pseudo_files(session):
    paths = [path for path in ("/proc/kmsg", "/proc/kcore", "/proc/self/mem", "/proc/self/pagemap", "/proc/uptime",
                               "/proc/self/clear_refs", "/sys/kernel/notes", "/sys/kernel/tracing/trace_pipe",
                               "/sys/kernel/debug/tracing/trace_pipe", "/dev/kmsg") if os.path.lexists(path)]
    skipped = session.scan(["--json", *CONTENT, *paths], timeout=30)
    session.report(skipped, "files of /proc")
    session.check(skipped.status == 0, f"files of /proc are skipped: {skipped.shown()}")
    read = session.scan(["--json", "--read-pseudo", *CONTENT, *paths], timeout=60)
    session.report(read, "files of /proc that are read")
    session.check(read.status in (0, 1), f"--read-pseudo: {read.shown()}")
    session.row("files that the kernel makes up: " + ", ".join(paths), "2 scans",
                f"skipped by default; with --read-pseudo ended after {read.seconds:.1f} s, status {read.status}, no wait")
    times = session.times(1, 6)
    for index in range(times):
        result = session.scan(["--json", "--threads", str((1, 2, 8)[index % 3]), "--hash", "md5", "/proc"], timeout=120)
        session.report(result, "/proc")
        session.check(result.status in (0, 1), f"/proc: {result.shown()}")
    session.row("all of /proc, where processes come and go", f"{times} scans", "a valid report each")


def growing(session):
    """A log that grows all the time, and one that grows after it was read to its end."""
    place = session.directory()
    with open(place + b"/log", "wb") as file:
        file.truncate(40 << 20)
    going = True

    def write():
        with open(place + b"/log", "ab", buffering=0) as file:
            while going:
                file.write(b"line\n")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    times = session.times(3, 60)
    changed = 0
    try:
        for index in range(times):
            arguments = ["--json", "--threads", str((1, 2, 8)[index % 3]), "--hash", "sha256", place]
            result = session.scan(arguments, timeout=60)
            report = session.report(result, "a growing log") or {"errors": [], "roots": [{}]}
            codes = [error["code"] for error in report["errors"]]
            session.check(codes in ([], ["CHANGED"]), f"a growing log: {codes}")
            session.check(result.status == len(codes), f"a growing log: {result.shown()}")
            session.check((report["roots"][0]["digests"] is None) == bool(codes), "digests of a changed tree")
            changed += len(codes)
    finally:
        going = False
        writer.join()
    session.row("a log of 40 MiB that grows all the time", f"{times} scans", f"CHANGED {changed} times, no digest then")


def restless(session):
    """A file whose bytes change at each write, at the same size: a digest is of one state, or CHANGED, or of a mixture.

    The number of mixtures is printed, not asserted: nothing shows that a writer stands still in the middle of a write.
    """
    place = session.directory()
    size = 8 << 20
    states = {hashlib.sha256(bytes([value]) * size).hexdigest() for value in range(2)}
    going = True

    def write():
        # A state is written in one call, but the kernel writes it page by page.
        with open(place + b"/file", "r+b", buffering=0) as file:
            value = 0
            while going:
                value = 1 - value
                os.pwrite(file.fileno(), bytes([value]) * size, 0)

    with open(place + b"/file", "wb") as file:
        file.write(bytes(size))
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    times = session.times(4, 100)
    outcomes = {"CHANGED": 0, "one state": 0, "a mixture": 0}
    try:
        for index in range(times):
            arguments = ["--ndjson", "--threads", str((1, 2, 8)[index % 3]), "--hash", "sha256", place + b"/file"]
            records = session.records(session.scan(arguments, timeout=60), "a restless file") or []
            for record in records:
                if record["type"] == "error":
                    outcomes["CHANGED" if record["code"] == "CHANGED" else record["code"]] += 1
                elif record["type"] == "entry" and "digests" in record:
                    outcomes["one state" if record["digests"]["sha256"] in states else "a mixture"] += 1
    finally:
        going = False
        writer.join()
    session.row("a file of 8 MiB that is overwritten all the time, with no change of its size", f"{times} scans",
                ", ".join(f"{name}: {count}" for name, count in outcomes.items())
                + " (see *What is not excluded*)")
