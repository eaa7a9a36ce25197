#!/usr/bin/env python3
"""The evidence of a scan in a file of saved scans, written from docs/SAVED.md without a look at the Swift code.

    evidence.py FILE [SCAN]       SCAN is a number; by default the newest
"""

import base64
import hashlib
import json
import sqlite3
import sys

NUMBERS = {
    "kind": 1, "size": 2, "disk_bytes": 3, "mode": 4, "uid": 5, "gid": 6, "nlink": 7, "device": 8, "inode": 9, "flags": 13,
    "rdev": 14,
}
TIMES = {"mtime": 10, "ctime": 11, "btime": 12}
XATTRS, STATE, TARGET, MIME, DIGEST = 15, 16, 17, 18, 19
DIGESTS = ["blake2b", "git", "md5", "sha1", "sha256", "sha384", "sha512", "xxh128"]
NO_LIMIT = 2**63 - 1


def number(value):
    return (value % 2**64).to_bytes(8, "little")


def counted(value):
    return number(len(value)) + value


def exact(item, name):
    """A text of the JSON as bytes."""
    encoded = item.get(name + "_b64")
    return item[name].encode() if encoded is None else base64.b64decode(encoded)


def options_part(options):
    values = {}
    flags = ["exclude_caches", "exclude_kernfs", "follow_roots", "gitignore", "mime", "one_file_system", "read_pseudo", "xattrs"]
    for name in flags:
        if options.get(name):
            values[name] = number(1)
    if options["exclude"]:
        values["exclude"] = b"".join(counted(exact(item, "pattern")) for item in options["exclude"])
    if options["hash"]:
        values["hash"] = b"".join(counted(name.encode()) for name in options["hash"])
    if options.get("max_holes", NO_LIMIT) != NO_LIMIT:
        values["max_holes"] = number(options["max_holes"])
    values["max_read"] = number(options.get("max_read", 1 << 40))
    return number(len(values)) + b"".join(counted(name.encode()) + counted(values[name]) for name in sorted(values))


def path_of(key):
    """The names of a key."""
    if not key:
        return ()
    return tuple(
        name.replace(b"\2\2", b"\0").replace(b"\2\1", b"\1").replace(b"\0", b"\2") for name in split(key))


def split(key):
    """Splits at each 1 that no 2 stands in front of."""
    names, name, at = [], bytearray(), 0
    while at < len(key):
        if key[at] == 2:
            name += key[at:at + 2]
            at += 2
        elif key[at] == 1:
            names.append(bytes(name))
            name = bytearray()
            at += 1
        else:
            name.append(key[at])
            at += 1
    return names + [bytes(name)]


def state(row, options, has_errors):
    if "changed" not in row:
        return row["state"]
    if row["changed"]:
        return 1
    if row["kind"] == 0:
        return None
    is_known = all(row[name] is not None for name in options["hash"])
    if options.get("mime") and row["kind"] == 1 and row["mime"] is None:
        is_known = False
    if is_known:
        return None
    if row["size"] is not None and row["size"] > options.get("max_read", 1 << 40):
        return 2
    return 4 if has_errors else 3


def fields(row, options, attributes, has_errors):
    found = {}
    for name, tag in NUMBERS.items():
        if row[name] is not None:
            found[tag] = number(row[name])
    for name, tag in TIMES.items():
        if row[name] is not None:
            found[tag] = number(row[name]) + number(row[name + "_ns"])
    if row["xattrs"] is not None:
        found[XATTRS] = number(len(attributes)) + b"".join(counted(name) + counted(value) for name, value in attributes)
    known = state(row, options, has_errors)
    if known is not None:
        found[STATE] = number(known)
    if row["target"] is not None:
        found[TARGET] = counted(row["target"])
    if row["mime"] is not None:
        found[MIME] = counted(row["mime"].encode())
    body = b"".join(bytes([tag]) + found[tag] for tag in sorted(found))
    for name in DIGESTS:
        if row.get(name) is not None:
            body += bytes([DIGEST]) + counted(name.encode()) + counted(row[name])
    return body + b"\0"


def scan_of_version_1(database, scan):
    """Rows of entries, rows of errors, and the attributes of an entry."""
    entries = database.execute("SELECT * FROM entries WHERE scan = ?", [scan]).fetchall()
    errors = database.execute("SELECT * FROM errors WHERE scan = ?", [scan]).fetchall()
    attributes = {}
    for row in database.execute("SELECT * FROM xattrs WHERE scan = ?", [scan]):
        attributes.setdefault((row["root"], row["key"]), []).append((row["name"], row["value"]))
    return entries, errors, lambda row: attributes.get((row["root"], row["key"]), [])


def scan_of_version_2(database, scan):
    series = database.execute("SELECT series FROM scans WHERE id = ?", [scan]).fetchone()[0]
    entries = database.execute("SELECT * FROM entries WHERE series = ? AND since <= ?", [series, scan]).fetchall()
    entries += database.execute(
        "SELECT * FROM history WHERE series = ? AND since <= ? AND until >= ?", [series, scan, scan]).fetchall()
    errors = database.execute(
        "SELECT * FROM errors WHERE series = ? AND since <= ? AND (until IS NULL OR until >= ?)", [series, scan, scan]).fetchall()
    attributes = {}
    for row in database.execute("SELECT * FROM attributes"):
        attributes.setdefault(row["list"], []).append((row["name"], row["value"]))
    return entries, errors, lambda row: attributes.get(row["xattrs"], [])


def evidence(database, scan):
    database.row_factory = sqlite3.Row
    version = database.execute("PRAGMA user_version").fetchone()[0]
    options = json.loads(database.execute("SELECT options FROM scans WHERE id = ?", [scan]).fetchone()[0])
    roots = [bytes(row["path"]) for row in database.execute("SELECT path FROM roots WHERE scan = ? ORDER BY root", [scan])]
    rows, error_rows, attributes = (scan_of_version_1 if version == 1 else scan_of_version_2)(database, scan)
    errors = sorted(
        (row["root"], path_of(row["key"]), *(row[name].encode() for name in ["operation", "code", "message"]))
        for row in error_rows)
    with_errors = {error[:2] for error in errors}

    entries = {}
    for row in rows:
        place = row["root"], path_of(row["key"])
        entries[place] = row["kind"], fields(dict(row), options, sorted(attributes(row)), place in with_errors)
    children = {place: [] for place, (kind, _) in entries.items() if kind == 0}
    values = {}
    # Whatever is below a directory comes before it.
    for place in sorted(entries, key=lambda place: len(place[1]), reverse=True):
        kind, body = entries[place]
        if kind == 0:
            inside = sorted(children[place])
            body += b"".join(counted(name) + value for name, value in inside) + number(len(inside))
        values[place] = hashlib.sha256(body).digest()
        root, path = place
        if path:
            children[root, path[:-1]].append((path[-1], values[place]))

    whole = b"fsscan-evidence/1\0" + options_part(options) + number(len(roots))
    directory = exact(options, "cwd") if "cwd" in options else None
    for index, path in enumerate(roots):
        if directory is not None and not path.startswith(b"/"):
            path = directory + (b"" if directory.endswith(b"/") else b"/") + path
        whole += counted(path) + values.get((index, ()), bytes(32))
    listed = b"".join(
        number(root) + counted(b"/".join(path)) + b"".join(map(counted, texts)) for root, path, *texts in errors)
    return hashlib.sha256(whole + hashlib.sha256(listed + number(len(errors))).digest()).hexdigest()


def main():
    database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    newest = database.execute("SELECT max(id) FROM scans").fetchone()[0]
    print(evidence(database, int(sys.argv[2]) if len(sys.argv) > 2 else newest))


main()
