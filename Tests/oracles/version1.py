#!/usr/bin/env python3
"""Rewrites a file of saved scans as one of version 1, as 0.1.0 has written it: version1.py FILE

For tests of what reads such files. The tables are those of fixtures/saved-1/scans.db; Merkle values of directories are left
out, as 0.1.0 does where something could not be read.
"""

import calendar
import json
import os
import pathlib
import sqlite3
import struct
import sys
import time

FIXTURE = pathlib.Path(__file__).resolve().parents[2] / "fixtures/saved-1/scans.db"
DIGESTS = ["sha256", "sha1", "sha512", "md5", "blake2b", "xxh128", "git"]
PLAIN = [
    "root", "key", "kind", "size", "disk_bytes", "mode", "uid", "gid", "nlink", "device", "inode", "mtime", "mtime_ns", "ctime",
    "ctime_ns", "btime", "btime_ns", "flags", "rdev", "target", "mime",
]


def rows_of(database, scan):
    """The rows of a scan, in the order of their keys."""
    found = []
    for table, until in [("entries", "NULL"), ("history", "until")]:
        found += database.execute(
            f"SELECT *, {until} AS last FROM {table} WHERE series = ? AND since <= ? AND coalesce({until}, ?) >= ?",
            [scan["series"], scan["id"], scan["id"], scan["id"]])
    return sorted(found, key=lambda row: (row["root"], row["key"]))


def content(rows, hashes, started):
    """(types, records): see docs/SAVED.md."""
    seconds = calendar.timegm(time.strptime(started[:19], "%Y-%m-%dT%H:%M:%S")) - 2
    latest = seconds, int(started[20:29])
    types, records = [], b""
    for row in rows:
        digests = [row[name] for name in hashes]
        times = [(row[name], row[name + "_ns"]) for name in ("mtime", "ctime")]
        if row["kind"] not in (1, 2) or row["state"] == 1 or None in digests or None in times[0] + times[1] or max(times) >= latest:
            continue
        if row["mime"] is not None and row["mime"] not in types:
            types.append(row["mime"])
        number = types.index(row["mime"]) + 1 if row["mime"] is not None else 0
        records += struct.pack(
            "<QQqqqIII", os.major(row["device"]) << 32 | os.minor(row["device"]), row["inode"] % 2**64, row["size"], times[0][0],
            times[1][0], times[0][1], times[1][1], number) + b"".join(digests)
    return "\n".join(types), records


def main():
    path = sys.argv[1]
    new = sqlite3.connect(path)
    new.row_factory = sqlite3.Row
    old = sqlite3.connect(path + ".version1")
    old.execute("PRAGMA page_size = 8192")
    old.execute("PRAGMA application_id = 1718842230")
    old.execute("PRAGMA user_version = 1")
    for (sql,) in sqlite3.connect(f"file:{FIXTURE}?mode=ro", uri=True).execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL"):
        old.execute(sql)
    columns = {row["name"] for row in new.execute("PRAGMA table_info(entries)")}
    for scan in new.execute("SELECT * FROM scans ORDER BY id").fetchall():
        number = scan["id"]
        hashes = json.loads(scan["options"])["hash"]
        old.execute(
            "INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
            [scan[name] for name in ["id", "label", "host", "started", "ended", "version", "options", "totals"]])
        for root in new.execute("SELECT * FROM roots WHERE scan = ?", [number]).fetchall():
            old.execute("INSERT INTO roots VALUES (?, ?, ?, ?)", list(root))
        rows = rows_of(new, scan)
        for row in rows:
            values = {name: row[name] for name in PLAIN + [name for name in DIGESTS if name in columns]}
            values["scan"], values["changed"] = number, 1 if row["state"] == 1 else None
            if row["xattrs"] is not None:
                attributes = new.execute("SELECT name, value FROM attributes WHERE list = ?", [row["xattrs"]]).fetchall()
                values["xattrs"] = len(attributes)
                for attribute in attributes:
                    old.execute("INSERT INTO xattrs VALUES (?, ?, ?, ?, ?)", [number, row["root"], row["key"], *attribute])
            old.execute(
                f"INSERT INTO entries ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", list(values.values()))
        for error in new.execute(
                "SELECT root, key, operation, code, message FROM errors WHERE series = ? AND since <= ? AND coalesce(until, ?) >= ?",
                [scan["series"], number, number, number]).fetchall():
            old.execute("INSERT INTO errors VALUES (?, ?, ?, ?, ?, ?)", [number, *error])
        types, records = content(rows, hashes, scan["started"]) if hashes or "mime" in scan["options"] else ("", b"")
        if records:
            old.execute("INSERT INTO content (scan, types, records) VALUES (?, ?, ?)", [number, types, records])
    old.commit()
    old.close()
    new.close()
    os.replace(path + ".version1", path)


main()
