"""Scans of a tree that other processes change all the time.

A scan looks at nothing outside the root, and never hangs or crashes. It reports every unchanged entry exactly once, and
vanished ones by the rules of the contract.
"""

import hashlib
import os
import shutil
import struct
import time

import support
import torment

# Changes of a name between two looks at it.
EXPECTED_CODES = {"ENOENT", "ESTALE", "ENOTDIR", "ELOOP", "CHANGED", "ENXIO"}
SECRET = b"forbidden content"
IN_OPEN, IN_ACCESS = 0x20, 0x01


class Watch:
    """Counts opens and reads of files by any process (inotify)."""

    def __init__(self):
        self.descriptor = support.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.names = {}
        self.counts = {}

    def add(self, path):
        number = support.libc.inotify_add_watch(self.descriptor, path, IN_OPEN | IN_ACCESS)
        if number < 0:
            raise OSError("inotify_add_watch")
        self.names[number] = os.path.basename(path)

    def drain(self):
        while True:
            try:
                data = os.read(self.descriptor, 1 << 16)
            except BlockingIOError:
                return self.counts
            while data:
                number, mask, _, length = struct.unpack_from("iIII", data)
                name = self.names.get(number, b"?")
                if mask & (IN_OPEN | IN_ACCESS):
                    self.counts[name] = self.counts.get(name, 0) + 1
                data = data[16 + length:]

    def close(self):
        os.close(self.descriptor)


def make(session):
    """The root, with the entries that nobody changes."""
    top = session.directory()
    root, forbidden = top + b"/root", top + b"/forbidden"
    os.makedirs(forbidden + b"/FORBIDDEN-directory")
    for place in (b"/FORBIDDEN-file", b"/FORBIDDEN-directory/FORBIDDEN-inner", b"/f0"):
        torment.write(forbidden + place, SECRET)
    for index in range(60):
        place = root + b"/still/d%02d" % index
        os.makedirs(place + b"/e")
        torment.write(place + b"/f", b"x")
        torment.write(place + b"/e/g", b"still")
    return root, forbidden


def stays(root):
    """The paths that nobody touches, and the directories that contain the changed ones."""
    paths = {root}
    for name in os.listdir(root):
        paths.add(root + b"/" + name)
    for base, directories, files in os.walk(root + b"/still"):
        paths.update(base + b"/" + name for name in directories + files)
    paths.update(root + b"/recreate/stays%03d" % index for index in range(400))
    return paths


def tree(top):
    """Every path, the top included. A list, not a generator: walking a tree opens its directories."""
    return [top] + [base + b"/" + name for base, directories, files in os.walk(top) for name in directories + files]


class Judge:
    def __init__(self, session, root, forbidden):
        self.session = session
        self.root = root
        self.stays = stays(root)
        self.inodes = set()
        for name in tree(forbidden):
            info = os.lstat(name)
            self.inodes.add((info.st_dev, info.st_ino))
        self.secret = hashlib.sha256(SECRET).hexdigest()
        self.errors = {}
        self.entries = 0

    def judge(self, result, arguments):
        check, what = self.session.check, f"races {arguments}"
        records = self.session.records(result, what)
        if records is None:
            return
        seen = {}
        for record in records:
            if record["type"] not in ("entry", "error"):
                continue
            path = support.path_of(record)
            inside = path == self.root or path.startswith(self.root + b"/")
            check(inside and b"FORBIDDEN" not in path, f"{what}: outside of the root: {path!r}")
            if record["type"] == "error":
                code = record["code"]
                self.errors[code] = self.errors.get(code, 0) + 1
                check(code in EXPECTED_CODES, f"{what}: {record}")
                check(path not in self.stays, f"{what}: an error at what stays: {record}")
                continue
            self.entries += 1
            seen[path] = seen.get(path, 0) + 1
            check((record.get("device"), record.get("inode")) not in self.inodes, f"{what}: forbidden inode: {record}")
            digests = record.get("digests") or {}
            check(digests.get("sha256") != self.secret, f"{what}: forbidden content: {record}")
        missing = [path for path in self.stays if path not in seen]
        twice = [path for path in self.stays if seen.get(path, 0) > 1]
        check(not missing, f"{what}: {len(missing)} missing, {missing[:3]}")
        check(not twice, f"{what}: {len(twice)} twice, {twice[:3]}")
        summary = records[-1]
        errors = sum(record["type"] == "error" for record in records)
        counted = sum(record["type"] == "entry" for record in records)
        check(summary["complete"], f"{what}: not complete")
        check(summary["totals"]["errors"] == errors, f"{what}: {errors} errors, totals say {summary['totals']}")
        check(summary["totals"]["entries"] == counted, f"{what}: {counted} entries, totals say {summary['totals']}")
        check(result.status == (1 if errors else 0), f"{what}: status {result.status} with {errors} errors")


def run(session):
    options = [[], ["--hash", "sha256"], ["--hash", "sha256,git", "--mime"], ["--sorted", "--hash", "md5,sha256"]]
    scans = 0
    root, forbidden = make(session)
    running = torment.start(root, session.seed)
    judge = Judge(session, root, forbidden)
    watch = Watch()
    for name in tree(forbidden):
        watch.add(name)
    devices = Watch()
    device = root + b"/files/x-device"
    if support.makes_devices():
        # The device's own inode, under whichever name it is at the moment.
        other = os.path.dirname(root) + b"/device"
        link_device(device, other)
        devices.add(other)
    try:
        seconds = session.times(6, 240)
        for threads in (1, 2, 8):
            end = time.monotonic() + seconds / 3
            first = True
            while first or time.monotonic() < end:
                first = False
                arguments = ["--ndjson", "--threads", str(threads), *session.random.choice(options), root]
                judge.judge(session.scan(arguments, timeout=60), arguments[1:-1])
                scans += 1
        delayed = slow_motion(session, judge, root)
    finally:
        did = torment.stop(running)
    opened = watch.drain()
    session.check(not opened, f"forbidden files were opened: {opened}")
    errors = ", ".join(f"{code} {count}" for code, count in sorted(judge.errors.items())) or "none"
    session.row(f"changes by five programs ({did} steps)", f"{scans} scans, 1, 2 and 8 threads",
                f"{len(judge.stays)} untouched entries reported exactly once in each, nothing outside of the root opened "
                f"or shown; errors reported: {errors}")
    if delayed is None:
        session.skip("the same, each open delayed", "no strace, or it may not trace here")
    else:
        session.row("the same, each open delayed by 1 ms (strace), so that nearly each change hits the gap between the "
                    "look at a name and its opening", f"{delayed} scans", "as above")
    if support.makes_devices():
        count = devices.drain().get(b"device", 0)
        session.row("a device in the place of a file, between the look and the opening", f"{scans + (delayed or 0)} scans",
                    f"opened {count} times without waiting, never read: see *What is not excluded*")
    else:
        session.skip("a device in the place of a file", "device nodes need root")
    watch.close()
    devices.close()


def link_device(device, other):
    """A second name, outside the root, for the device that is swapped."""
    names = os.path.dirname(device)
    for _ in range(10_000):
        for name in os.listdir(names):
            torment.quietly(os.link, names + b"/" + name, other)
            try:
                if os.lstat(other).st_rdev:
                    return
                os.unlink(other)
            except FileNotFoundError:
                pass
    raise RuntimeError("the device is not found")


def slow_motion(session, judge, root):
    """strace delays each openat by a millisecond."""
    if not shutil.which("strace"):
        return None
    wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=openat", "-e", "inject=openat:delay_enter=1000"]
    if session.scan(["--version"], wrapper=wrapper).status != 0:
        return None
    times = session.times(2, 40)
    for index in range(times):
        arguments = ["--ndjson", "--threads", str((1, 2, 8)[index % 3]), "--hash", "sha256", root]
        judge.judge(session.scan(arguments, timeout=120, wrapper=wrapper), ["slow motion", *arguments[1:-1]])
    return times
