"""The destination of the report is full, closed, gone, slow, or was exchanged."""

import os
import signal
import stat
import subprocess
import threading
import time

import support

FORMATS = [["--json"], ["--ndjson"], ["--ndjson", "--sorted"], ["--format", "text"]]
OLD = b'{"complete": "old"}\n'


def run(session):
    tree = make(session)
    full_device(session, tree)
    full_disk(session, tree)
    closed_streams(session, tree)
    readers(session, tree)
    targets(session, tree)
    seen_by_others(session, tree)
    swapped_by_others(session, tree)


def make(session):
    tree = session.directory()
    for index in range(60):
        place = tree + b"/directory with a name of some length %02d" % index
        os.mkdir(place)
        for number in range(40):
            with open(place + b"/file with a name of some length %02d" % number, "wb") as file:
                file.write(b"x")
    return tree


def full_device(session, tree):
    times = 0
    for mode in FORMATS:
        for threads in ("1", "8"):
            with open("/dev/full", "wb") as full:
                result = session.scan([*mode, "--threads", threads, tree], stdout=full)
            session.check(result.status == 74 and b"No space left" in result.err, f"{mode} > /dev/full: {result.shown()}")
            result = session.scan([*mode, "--threads", threads, "-o", "/dev/full", tree])
            session.check(result.status == 74 and b"No space left" in result.err, f"{mode} -o /dev/full: {result.shown()}")
            times += 2
    session.check(stat.S_ISCHR(os.stat("/dev/full").st_mode), "/dev/full is no device any more")
    session.row("standard output and `-o` are /dev/full, in each format", f"{times} scans", "one line, status 74")


def full_disk(session, tree):
    """A tmpfs of one page for the report, beside an old one; and for the temporary files of --sorted."""
    script = """
        set -e
        mount -t tmpfs -o size="$4" tmpfs "$1"
        cd "$1"
        printf '%s' "$3" >report
        status=0
        "$2" --no-progress "$6" --depth 9 --top 1000 -o report "$5" 2>errors || status=$?
        echo "$status $(cat report | head -c 20) $(ls -A | tr '\\n' ' ')$(cut -c1-300 errors)"
    """
    times = 0
    for mode in ("--json", "--ndjson", "--format=text"):
        for size in ("8k", "64k"):
            place = session.directory()
            result = support.in_mount_namespace(script, place, session.fsscan, OLD, size, tree, mode,
                                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if result is None:
                return session.skip("a full tmpfs", "mounts need root")
            ends = result.stdout.startswith(b"74 " + OLD.strip()[:19]) and b"errors report fsscan: " in result.stdout
            fits = mode == "--format=text" and result.stdout.startswith(b"0 ")
            session.check(ends or fits, f"a full tmpfs, {mode}: {result.stdout!r} {result.stderr[-300:]!r}")
            times += not fits
    session.row("`-o FILE` on a full tmpfs", f"{times} scans",
                "one line, status 74, the old file as it was, nothing left behind")


def closed_streams(session, tree):
    times = 0
    for mode in FORMATS:
        for closed, expected in ((">&-", 74), ("2>&-", 0), ("<&-", 0), ("2>&- <&-", 0), (">&- 2>&- <&-", 74)):
            command = f'exec "$0" "$@" {closed}'
            # With an error to tell, and a progress line that has nowhere to go.
            for more, status in (([], expected), (["/no such path"], expected or 1)):
                result = session.run(["sh", "-c", command, session.fsscan, *mode, "--progress", tree, *more])
                session.check(result.status == status, f"{mode} {closed} {more}: {result.shown()}")
                times += 1
    session.row("closed standard streams, with and without errors to tell", f"{times} scans",
                "74 where the report had nowhere to go; no file of the scan became a stream")


def readers(session, tree):
    gone = session.times(8, 100)
    for index in range(gone):
        mode = FORMATS[index % 4]
        process = session.start([*mode, "--threads", str((1, 2, 8)[index % 3]), *[tree] * 30])
        process.stdout.read(0 if "text" in mode else session.random.randrange(500))
        process.stdout.close()
        process.stdout = None
        status = session.finish(process, 60, "a scan without a reader").status
        session.check(status == -signal.SIGPIPE, f"{mode} with a reader that goes away: {status}")
    session.row("a reader that goes away, at once or after some bytes", f"{gone} scans", "ended by SIGPIPE, silently")

    slow = session.times(2, 12)
    for index in range(slow):
        mode = FORMATS[index % 3]
        plain = session.scan([*mode, *[tree] * 20])
        process = session.start([*mode, *[tree] * 20])
        time.sleep(1)
        session.check(process.poll() is None or len(plain.out) < 1 << 16, "it did not wait for its reader")
        result = session.finish(process, 60, "a scan with a slow reader")
        same = sorted(lines(result)) == sorted(lines(plain))
        session.check(result.status == 0 and same, f"{mode} with a slow reader: {result.shown()}")
    session.row("a reader that stops reading for a second", f"{slow} scans", "waited for; the same report")


def lines(result):
    """The lines without the header and the summary, which contain times."""
    return [line for line in support.timeless(result).splitlines() if b'"started"' not in line]


def targets(session, tree):
    """FILE of every kind: it stays as it is, or a whole report replaces it."""
    place = session.directory()
    made = ["fifo"]
    os.mkfifo(place + b"/fifo")
    if support.makes_devices():
        os.mknod(place + b"/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.symlink(b"null", place + b"/link")
        made += ["a device", "a symlink to a device"]
        for name in (b"/null", b"/link"):
            result = session.scan(["--json", "-o", place + name, tree])
            session.check(result.status == 0, f"-o {name}: {result.shown()}")
        session.check(stat.S_ISCHR(os.lstat(place + b"/null").st_mode), "a device was replaced")
        session.check(os.readlink(place + b"/link") == b"null", "a symlink was replaced")
    else:
        session.skip("`-o FILE` is a device", "device nodes need root")
    read = []
    reader = threading.Thread(target=lambda: read.append(open(place + b"/fifo", "rb").read()), daemon=True)
    reader.start()
    result = session.scan(["--json", "-o", place + b"/fifo", tree])
    reader.join(20)
    session.check(result.status == 0 and read and read[0].endswith(b"}\n"), f"-o fifo: {result.shown()}")
    session.check(stat.S_ISFIFO(os.lstat(place + b"/fifo").st_mode), "a FIFO was replaced")
    session.row("`-o FILE` is " + ", ".join(made), f"{len(made)} scans", "written to, and still what it was")


def seen_by_others(session, tree):
    """While scans replace a file, every reader sees a whole report, even if the target is swapped meanwhile."""
    place = session.directory()
    target = place + b"/report"
    times = session.times(10, 150)
    session.scan(["--json", "-o", target, tree])
    looks, going, bad = [0], [True], []

    def look():
        while going[0]:
            try:
                with open(target, "rb") as file:
                    text = file.read()
            except OSError as error:
                bad.append(repr(error))
                continue
            looks[0] += 1
            if not text.startswith(b"{\n") or not text.endswith(b"}\n"):
                bad.append(repr(text[:50]))

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    scans = [session.start(["--json", "-o", target, tree]) for _ in range(2)]
    for _ in range(times):
        session.check(session.finish(scans.pop(0)).status == 0, "-o FILE that others write, too")
        scans.append(session.start(["--json", "-o", target, tree]))
    for scan in scans:
        session.finish(scan)
    going[0] = False
    looker.join()
    session.check(not bad, f"others saw {bad[:3]}")
    session.check(os.listdir(place) == [b"report"], f"left behind: {os.listdir(place)}")
    session.row("two scans at a time replace the same FILE while somebody reads it", f"{times} scans, {looks[0]:,} looks",
                "always one whole report")


def swapped_by_others(session, tree):
    """Root writes to a path that another user swaps as fast as possible, also for links to other directories."""
    if os.geteuid() != 0:
        return session.skip("somebody swaps the FILE of root", "needs root and another user")
    times, refused = session.times(20, 300), 0
    for mode in (0o1777, 0o755):
        outside = session.directory()
        with open(outside + b"/victim", "wb") as file:
            file.write(OLD)
        place = session.directory()
        for directory in (outside, place):
            os.chmod(directory, 0o755)
        os.chmod(place, mode)
        if mode == 0o755:
            os.chown(place, SWAPPER, SWAPPER)
        going = os.fork()
        if going == 0:
            swap(place, outside, mode)
        try:
            for index in range(times):
                option = ("-o", "--trace", "--save")[index % 3]
                result = session.scan(["--format", "text", option, place + b"/report", tree], timeout=60)
                # Either it is written, or a line says why not: what was put there, and what came between.
                session.check(result.status in (0, 74), f"{option} that somebody swaps: {result.shown()}")
                refused += result.status == 74
        finally:
            os.kill(going, signal.SIGKILL)
            os.waitpid(going, 0)
        with open(outside + b"/victim", "rb") as file:
            session.check(file.read() == OLD, f"root wrote through a link of uid {SWAPPER}")
        session.check(os.listdir(outside) == [b"victim"], f"root made {os.listdir(outside)} through a link")
        for name in os.listdir(place):
            status = os.lstat(place + b"/" + name)
            if stat.S_ISREG(status.st_mode) and status.st_uid == 0:
                session.check(status.st_mode & 0o077 == 0, f"others may read {name}: {oct(status.st_mode)}")
    session.row("another user swaps FILE of root (`-o`, `--trace`, `--save`) for links, files and pipes, sticky or in his own "
                "directory", f"{2 * times} scans, {refused} refused", "nothing outside of it was touched")


SWAPPER = 1234


def swap(place, outside, mode):
    """Never returns."""
    os.chdir(place)
    os.setgroups([])
    os.setgid(SWAPPER)
    os.setuid(SWAPPER)
    name, other = b"report", b".other"
    makers = [lambda: os.symlink(outside + b"/victim", other), lambda: os.symlink(outside + b"/new", other),
              lambda: os.close(os.open(other, os.O_CREAT | os.O_WRONLY, 0o666))]
    if mode & 0o1000:
        # In his own directory it would be waited for: he may have it written to.
        makers.append(lambda: os.mkfifo(other))
    while True:
        for number, maker in enumerate(makers):
            for target in (name, name + b"-journal") if number < 2 else (name,):
                try:
                    maker()
                    os.rename(other, target)
                except OSError:
                    pass
                for rest in (other, target):
                    try:
                        os.unlink(rest)
                    except OSError:
                        pass
