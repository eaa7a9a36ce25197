#!/usr/bin/env python3
"""The reference scanner: the counting rules of fsscan's report, written as plainly as possible.

It shares no code and no idea with the scanner that it checks: one thread, one pass, a set for each thing that counts
once. It prints the parts of the JSON report that do not depend on the time:

    reference_scan.py [-x] [--depth N] [--top N] [--rank KEY] PATH...

With --compare it reads a report of fsscan on standard input and prints the differences (exit status 1 if any):

    fsscan --json PATH... | reference_scan.py --compare PATH...

Error records are compared by path and code: the system call that fails is not part of the contract.
"""

import argparse
import base64
import ctypes
import datetime
import errno
import grp
import os
import pwd
import re
import resource
import stat
import sys

import deepjson

LARGEST_SUM = 2**63 - 1
LONGEST_ERROR_LIST = 10_000
MOST_EXTENSIONS = 10_000
AGES = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "1y": 365, "2y": 730, "5y": 1825, "older": float("inf")}
SIZES = [0] + [4**power for power in range(21)]
SECOND = 10**9
KINDS = ["directories", "files", "symlinks", "fifos", "sockets", "block_devices", "character_devices"]

# The type bits of st_mode; d_type is those bits shifted right by 12.
KIND_OF_TYPE = {
    stat.S_IFDIR: "directories", stat.S_IFREG: "files", stat.S_IFLNK: "symlinks", stat.S_IFIFO: "fifos",
    stat.S_IFSOCK: "sockets", stat.S_IFBLK: "block_devices", stat.S_IFCHR: "character_devices",
}


class Dirent(ctypes.Structure):
    _fields_ = [
        ("d_ino", ctypes.c_uint64), ("d_off", ctypes.c_int64), ("d_reclen", ctypes.c_ushort),
        ("d_type", ctypes.c_ubyte), ("d_name", ctypes.c_char * 256),
    ]


libc = ctypes.CDLL(None, use_errno=True)
libc.fdopendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.readdir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]


def list_directory(descriptor):
    """(name, kind or None) of each entry, and the errno that ended the listing, or 0. os.listdir gives no kinds and drops
    what it read before an error."""
    entries = []
    stream = libc.fdopendir(os.dup(descriptor))
    if not stream:
        return entries, ctypes.get_errno()
    try:
        while True:
            ctypes.set_errno(0)
            entry = libc.readdir(stream)
            if not entry:
                return entries, ctypes.get_errno()
            name = entry.contents.d_name
            if name not in (b".", b".."):
                entries.append((name, KIND_OF_TYPE.get(entry.contents.d_type << 12)))
    finally:
        libc.closedir(stream)


def text_fields(key, value):
    """A name as JSON shows it: text, and its exact bytes in base64 where that is not UTF-8. Python's "replace" puts one
    U+FFFD for each maximal ill-formed subsequence."""
    try:
        return {key: value.decode("utf-8")}
    except UnicodeDecodeError:
        return {key: value.decode("utf-8", "replace"), key + "_b64": base64.b64encode(value).decode()}


def join(directory, name):
    return directory + name if directory.endswith(b"/") else directory + b"/" + name


def extension_of(name):
    """The part after the last dot, once trailing numbers and the dots before them are removed."""
    while (cut := re.fullmatch(rb"(.+)[.][0-9]+", name, re.DOTALL)):
        name = cut[1]
    match = re.fullmatch(rb".+[.]([0-9A-Za-z]{1,16})", name, re.DOTALL)
    return match[1].lower() if match else b""


def rfc3339(nanoseconds):
    seconds, rest = divmod(nanoseconds, SECOND)
    try:
        return f"{(datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).isoformat()}.{rest:09}Z"
    except OverflowError:
        return None


def nanoseconds_of(text):
    time = datetime.datetime.fromisoformat(text[:19]) - datetime.datetime(1970, 1, 1)
    return (time.days * 86_400 + time.seconds) * SECOND + int(text[20:29])


def age_of(mtime, now):
    if mtime > now:
        return "future"
    return next(name for name, days in AGES.items() if now - mtime < days * 86_400 * SECOND)


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text:
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


class Table:
    """Names, names of files, and inodes, by a key. Inodes with several links are put in at the end."""

    def __init__(self):
        self.rows = {}  # key: [entries, files, apparent bytes, disk bytes]

    def add(self, key, entries=0, files=0, sizes=(0, 0)):
        row = self.rows.setdefault(key, [0, 0, 0, 0])
        row[:] = [old + new for old, new in zip(row, (entries, files, *sizes))]


class Subtotal:
    """The totals of a set of entries. Inodes with several links are kept apart, so that each counts once."""

    def __init__(self):
        self.counts = dict.fromkeys(["entries"] + KINDS + ["skipped", "errors"], 0)
        self.apparent = 0
        self.disk = 0
        self.linked = {}  # (device, inode): (apparent bytes, disk bytes)
        self.newest = None  # the latest mtime, in nanoseconds

    def add_entry(self, kind, info):
        self.counts["entries"] += 1
        self.counts[kind] += 1
        if info is None:
            return
        self.newest = max(self.newest or info.st_mtime_ns, info.st_mtime_ns)
        apparent = info.st_size if kind in ("files", "symlinks") else 0
        if kind != "directories" and info.st_nlink > 1:
            self.linked[info.st_dev, info.st_ino] = (apparent, info.st_blocks * 512)
        else:
            self.apparent += apparent
            self.disk += info.st_blocks * 512

    def add(self, other):
        for key, count in other.counts.items():
            self.counts[key] += count
        self.apparent += other.apparent
        self.disk += other.disk
        self.linked.update(other.linked)
        times = [time for time in (self.newest, other.newest) if time is not None]
        self.newest = max(times, default=None)

    def totals(self):
        apparent = self.apparent + sum(sizes[0] for sizes in self.linked.values())
        disk = self.disk + sum(sizes[1] for sizes in self.linked.values())
        return {
            "entries": self.counts["entries"], **{kind: self.counts[kind] for kind in KINDS},
            "apparent_bytes": min(apparent, LARGEST_SUM), "disk_bytes": min(disk, LARGEST_SUM),
            "hard_linked_files": len(self.linked), "skipped": 0, "errors": self.counts["errors"],
        }


class Directory:
    """A directory on the way from a PATH down to the current place of the scan."""

    def __init__(self, name, path, level, identity):
        self.descriptor = None
        self.name = name
        self.path = path
        self.level = level
        self.identity = identity  # (device, inode), None where it could not be stat'ed
        self.subtotal = Subtotal()  # itself included
        self.pending = []  # name, stat result or None, error or None of each child directory
        self.nodes = []  # (name, NODE) of the children, above --depth


class Scan:
    def __init__(self, one_file_system, depth, top, rank="disk"):
        self.rank = rank
        self.one_file_system = one_file_system
        self.depth = depth
        self.top = top
        self.grand_total = Subtotal()
        self.roots = []
        self.errors = []  # (path, operation, code)
        self.files = {}  # (device, inode): (path, stat result)
        self.directories = []  # (path, totals, latest mtime)
        self.histogram = Table()  # by mtime and size; None where it could not be stat'ed
        self.extensions = Table()
        self.users = Table()
        self.groups = Table()
        self.linked = {}  # (device, inode): kind, stat result, extensions of its names

    def settle(self):
        """Inodes with several links count their bytes now, when all their names are known."""
        for kind, info, extensions in self.linked.values():
            sizes = (info.st_size if kind in ("files", "symlinks") else 0, info.st_blocks * 512)
            self.users.add(info.st_uid, sizes=sizes)
            self.groups.add(info.st_gid, sizes=sizes)
            if kind == "files":
                self.extensions.add(min(extensions - {b""}, default=b""), sizes=sizes)
                self.histogram.add((info.st_mtime_ns, info.st_size), sizes=sizes)
        self.linked = {}

    def report(self, now):
        self.settle()
        extensions = self.extensions.rows
        first = sorted(extensions.keys() - {b""}, key=lambda key: (fnv1a(key), key))[:MOST_EXTENSIONS]
        listed = {key: extensions[key] for key in [b""] + first if key in extensions}
        others = {key: row for key, row in extensions.items() if key not in listed}
        def order(item):
            disk, apparent = -item["disk_bytes"], -item["apparent_bytes"]
            by = {"disk": (disk, apparent), "apparent": (apparent, disk), "newest": -item["time"], "oldest": item["time"],
                  "entries": (-item["entries"], disk) if "entries" in item else (disk, apparent)}
            return by[self.rank], item["path_bytes"]

        files = [
            {"path_bytes": path, "apparent_bytes": info.st_size, "disk_bytes": info.st_blocks * 512,
             "mtime": rfc3339(info.st_mtime_ns), "time": info.st_mtime_ns}
            for path, info in self.files.values()
        ]
        directories = [
            {"path_bytes": path, **{key: totals[key] for key in ("entries", "apparent_bytes", "disk_bytes")},
             "newest_mtime": None if time is None else rfc3339(time), "time": -2**63 * SECOND if time is None else time}
            for path, totals, time in self.directories
        ]
        hidden = ("path_bytes", "time")
        show = lambda item: {
            **text_fields("path", item["path_bytes"]), **{key: item[key] for key in item if key not in hidden}}
        return {
            "totals": self.grand_total.totals(),
            "roots": self.roots,
            "largest_files": [show(item) for item in sorted(files, key=order)[:self.top]],
            "largest_directories": [show(item) for item in sorted(directories, key=order)[:self.top]],
            "extensions": self.ranked(listed, lambda key: {"extension": key.decode()}, with_entries=False),
            "other_extensions": {
                key: min(sum(row[index] for row in others.values()), LARGEST_SUM)
                for index, key in enumerate(("files", "apparent_bytes", "disk_bytes"), 1)
            },
            "ages": self.binned(
                "age", [*AGES, "future"], lambda key: age_of(key[0], now)),
            "sizes": self.binned("size", SIZES, lambda key: max(size for size in SIZES if size <= key[1])),
            "owners": self.ranked(self.users.rows, lambda uid: {"uid": uid, "name": name_of(pwd.getpwuid, uid)}),
            "groups": self.ranked(self.groups.rows, lambda gid: {"gid": gid, "name": name_of(grp.getgrgid, gid)}),
            "pseudo_file_systems": [],  # the trees of tests lie on none
            "errors": [
                {**text_fields("path", path), "operation": operation, "code": code}
                for path, operation, code in sorted(self.errors)[:LONGEST_ERROR_LIST]
            ],
        }

    def binned(self, name, bins, bin_of):
        table = Table()
        for key, row in self.histogram.rows.items():
            table.add(None if key is None else bin_of(key), 0, row[1], row[2:])
        empty = [0, 0, 0, 0]
        return [
            {name: key, "files": row[1], "apparent_bytes": min(row[2], LARGEST_SUM), "disk_bytes": min(row[3], LARGEST_SUM)}
            for key, row in [(key, table.rows.get(key, empty)) for key in bins + [None] * (None in table.rows)]
        ]

    @staticmethod
    def ranked(rows, fields, with_entries=True):
        order = sorted(rows.items(), key=lambda item: (-min(item[1][2], LARGEST_SUM), item[0]))
        return [{
            **fields(key), **({"entries": entries} if with_entries else {}), "files": files,
            "apparent_bytes": min(apparent, LARGEST_SUM), "disk_bytes": min(disk, LARGEST_SUM),
        } for key, (entries, files, apparent, disk) in order]

    def scan_path(self, path):
        try:
            info = os.lstat(path)
        except OSError as error:
            subtotal = Subtotal()
            self.error(subtotal, path, "statx", error)
            self.finish_root(path, subtotal, None, is_missing=True)
            return
        kind = KIND_OF_TYPE[stat.S_IFMT(info.st_mode)]
        if kind != "directories":
            subtotal = Subtotal()
            self.entry(subtotal, path, path.rpartition(b"/")[2], kind, info)
            self.finish_root(path, subtotal, None)
            return
        subtotal, node = self.scan_directory(path, info)
        self.finish_root(path, subtotal, node)

    def finish_root(self, path, subtotal, node, is_missing=False):
        self.grand_total.add(subtotal)
        self.roots.append({
            **text_fields("path", path), "totals": subtotal.totals(), "digests": None if is_missing else {}, "tree": node,
        })

    def scan_directory(self, path, info):
        """Depth first with an explicit stack; the result for a directory goes to the one below it on the stack."""
        stack = []
        self.enter(stack, path, path, info)
        while True:
            directory = stack[-1]
            if directory.pending:
                name, info, failure = directory.pending.pop()
                self.enter(stack, name, join(directory.path, name), info, failure)
                continue
            stack.pop()
            if directory.descriptor is not None:
                os.close(directory.descriptor)
            node = self.finish_directory(directory)
            if not stack:
                return directory.subtotal, node
            stack[-1].subtotal.add(directory.subtotal)
            if node is not None:
                stack[-1].nodes.append((directory.name, node))

    def enter(self, stack, name, path, info, failure=None):
        """Puts a directory on the stack, and lists it if the scan descends into it."""
        directory = Directory(name, path, len(stack), info and (info.st_dev, info.st_ino))
        self.entry(directory.subtotal, path, name, "directories", info)
        is_loop = directory.identity in [ancestor.identity for ancestor in stack]
        is_border = bool(self.one_file_system and stack and info and info.st_dev != stack[0].identity[0])
        parent = stack[-1].descriptor if stack else None
        stack.append(directory)
        if failure:
            self.error(directory.subtotal, path, "statx", failure)
        if info is None or is_border:
            return
        if is_loop:
            self.error(directory.subtotal, path, "openat", OSError(errno.ELOOP, ""))
            return
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            directory.descriptor = os.open(name, flags, dir_fd=parent)
        except OSError as error:
            self.error(directory.subtotal, path, "openat", error)
            return
        entries, code = list_directory(directory.descriptor)
        if code:
            self.error(directory.subtotal, path, "getdents64", OSError(code, ""))
        for name, kind in entries:
            self.child(directory, name, kind)

    def child(self, directory, name, kind):
        """Counts an entry that is no directory, and notes one that is."""
        path = join(directory.path, name)
        info = failure = None
        try:
            info = os.stat(name, dir_fd=directory.descriptor, follow_symlinks=False)
            kind = KIND_OF_TYPE[stat.S_IFMT(info.st_mode)]
        except FileNotFoundError:
            return
        except OSError as error:
            failure = error
        if kind == "directories":
            # The error is one at that directory: it counts there, too.
            directory.pending.append((name, info, failure))
            return
        if failure:
            self.error(directory.subtotal, path, "statx", failure)
        if kind is not None:
            self.entry(directory.subtotal, path, name, kind, info)

    def finish_directory(self, directory):
        totals = directory.subtotal.totals()
        self.directories.append((directory.path, totals, directory.subtotal.newest))
        if directory.level > self.depth:
            return None
        node = {**text_fields("name", directory.name), "totals": totals, "digests": {}}
        if directory.level < self.depth:
            node["children"] = [child for _, child in sorted(directory.nodes, key=lambda pair: pair[0])]
        return node

    def entry(self, subtotal, path, name, kind, info):
        subtotal.add_entry(kind, info)
        is_file = int(kind == "files")
        extension = extension_of(name)
        sizes = (0, 0)
        if info and kind != "directories" and info.st_nlink > 1:
            self.linked.setdefault((info.st_dev, info.st_ino), (kind, info, set()))[2].add(extension)
        elif info:
            sizes = (info.st_size if kind in ("files", "symlinks") else 0, info.st_blocks * 512)
        if is_file:
            self.extensions.add(extension, 1, 1, sizes)
            self.histogram.add(info and (info.st_mtime_ns, info.st_size), 0, 1, sizes)
        if info is None:
            return
        self.users.add(info.st_uid, 1, is_file, sizes)
        self.groups.add(info.st_gid, 1, is_file, sizes)
        if kind == "files":
            known = self.files.get((info.st_dev, info.st_ino))
            if known is None or path < known[0]:
                self.files[info.st_dev, info.st_ino] = (path, info)

    def error(self, subtotal, path, operation, error):
        subtotal.counts["errors"] += 1
        self.errors.append((path, operation, errno.errorcode.get(error.errno, str(error.errno))))


def name_of(look_up, number):
    try:
        return look_up(number)[0]
    except KeyError:
        return None


def comparable(report):
    """The fields that both sides must agree on."""
    result = {key: report.get(key) for key in (
        "totals", "roots", "largest_files", "largest_directories", "extensions", "other_extensions", "owners",
        "groups", "pseudo_file_systems", "ages", "sizes")}
    path = lambda error: base64.b64decode(error["path_b64"]) if "path_b64" in error else error["path"].encode()
    errors = sorted((path(error), error["code"]) for error in report["errors"])
    result["errors"] = [[repr(path), code] for path, code in errors]
    return result


def main():
    parser = argparse.ArgumentParser(description="The reference scanner of fsscan's tests.")
    parser.add_argument("-x", dest="one_file_system", action="store_true")
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--rank", default="disk")
    parser.add_argument("--now", help="as in the report: RFC 3339 with nine decimals")
    parser.add_argument("--compare", action="store_true", help="compare with the report on standard input")
    parser.add_argument("--user", type=int, help="scan as this user and group, without other groups")
    parser.add_argument("paths", nargs="+", type=os.fsencode)
    options = parser.parse_args()

    # A descriptor for each level of a deep chain.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.user is not None and os.getuid() == 0:
        os.setgroups([])
        os.setgid(options.user)
        os.setuid(options.user)
    scan = Scan(options.one_file_system, options.depth, options.top, options.rank)
    for path in options.paths:
        scan.scan_path(path)
    if not options.compare:
        print(deepjson.dumps(scan.report(nanoseconds_of(options.now))))
        return 0
    report = deepjson.loads(sys.stdin.buffer.read())
    now = nanoseconds_of(report["options"].get("now", report["timing"]["started"]))
    found = deepjson.differences(comparable(report), comparable(scan.report(now)))
    if found:
        print("fsscan | the reference scanner")
        print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
