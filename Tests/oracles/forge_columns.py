#!/usr/bin/env python3
"""Changes each column of each kind of row of a saved scan, one at a time, and asks verify whether it is still the expected one.

    forge_columns.py FSSCAN FILE EVIDENCE

FILE holds one scan, of any version of the tables. Prints a line for each forgery that passes and should not, or is refused and should not be, and last how
many were tried. New tables, columns and options are tried without being named here, unless they are listed as free.
"""

import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

# What evidence does not depend on, by version. 1: `state` and `totals` follow from other rows, and verify does not look at
# them; rows of `content` that belong to another scan are missing in this one, so files are read. 2: which scan is the oldest
# that has a row, and what is told of the scan. `series` and `hash` are looked at when another scan is saved.
FREE = {
    1: {
        "scans": {"label", "host", "started", "ended", "version", "totals"}, "roots": {"totals"}, "entries": {"state"},
        "content": {"id", "scan"},
    },
    2: {
        "scans": {
            "label", "host", "started", "ended", "version", "totals", "evidence", "kept_since", "base", "reason", "who",
        },
        "roots": {"totals"}, "series": {"id", "roots", "options"}, "lists": {"id", "hash"},
        # Of scan 1, which is the only one: an error that it has.
        "errors": {"until"},
        # They follow from other rows, and verify does not look at them.
        "directories": {
            "series", "root", "key", "changed", "entries", "apparent_bytes", "disk_bytes", "links", "newest",
        },
    },
}
# They have no rows where there is one scan.
EMPTY = {"history"}
FREE_OPTIONS = {"depth", "top", "rank", "now"}
LENGTHS = {"sha256": 32, "sha1": 20, "sha512": 64, "md5": 16, "blake2b": 64, "xxh128": 16, "git": 20, "state": 32}
# As they are written.
TIME = "2001-02-03T04:05:06.000000007Z"
TEXTS = {"totals": "{}", "started": TIME, "ended": TIME, "kept_since": TIME}


def others(table, column, value, kind):
    """Other values of a column: of the type that it has, and none."""
    if value is not None and not column["notnull"] and not column["pk"]:
        yield None
    name = column["name"]
    if name in TEXTS:
        yield TEXTS[name]
    elif name in LENGTHS:
        yield bytes(LENGTHS[name]) if value is None else bytes([value[0] ^ 1]) + value[1:]
    elif name == "changed":
        yield 1
    elif name == "kind":
        yield (value + 1) % 7
    elif column["type"] == "INTEGER":
        # Keys stay unique.
        yield 1 if value is None else value + (1000 if column["pk"] else 1)
    elif column["type"] == "BLOB":
        yield b"x" if value is None else value + b"x"
        if value:
            yield value[:-1] + bytes([value[-1] ^ 1])
    else:
        yield "x" if value is None else value + "x"


def options(text):
    """The options with one of them changed, and its name."""
    known = json.loads(text)
    new = {
        "hash": ["md5"], "exclude": [{"pattern": "evil*"}], "max_read": 1, "max_holes": 1, "cwd": "/",
        "depth": 9, "top": 9, "rank": "oldest", "exclude_kernfs": True, "xattrs": True, "exclude_caches": True,
        "follow_roots": True, "select": {"kinds": ["symlink"]},
    }
    for name in known.keys() | new.keys():
        other = not known[name] if isinstance(known.get(name), bool) else new.get(name)
        yield name, json.dumps({**known, name: other})
    # Twice: what counts is what is read, and that is the last.
    yield "exclude", text.removesuffix("}") + ',"exclude":[{"pattern":"evil*"}]}'


def changes(database):
    """(what, whether it is free, SQL, values)"""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    # Of SQLite: the last number that a scan has had.
    for table in filter(lambda table: table != "sqlite_sequence", tables):
        columns = [dict(row) for row in database.execute(f"PRAGMA table_info({table})")]
        keys = [column["name"] for column in columns if column["pk"]]
        kinds = {}
        for row in database.execute(f"SELECT * FROM {table}"):
            # A row of each kind, of the roots and of what is below.
            kinds.setdefault((row["kind"], row["key"] == b"") if table == "entries" else len(kinds), row)
        assert kinds or table in EMPTY, f"no row of {table}"
        for kind, row in kinds.items():
            where = " AND ".join(f"{key} IS ?" for key in keys)
            place = [row[key] for key in keys]
            for column in columns:
                name = column["name"]
                if (table, name) == ("scans", "options"):
                    for option, text in options(row[name]):
                        yield f"{table}.{name} {text}", option in FREE_OPTIONS, "UPDATE scans SET options = ?", [text]
                    continue
                free = name in FREE[version].get(table, set())
                for value in others(table, column, row[name], kind):
                    yield (f"{table}.{name} of {kind}: {row[name]!r} -> {value!r}", free,
                           f"UPDATE {table} SET {name} = ? WHERE {where}", [value, *place])
            if table not in ("scans", "content", "series", "lists", "directories"):
                yield f"{table}: {kind} is gone", False, f"DELETE FROM {table} WHERE {where}", place


def main():
    program, file, evidence = sys.argv[1:]
    source = sqlite3.connect(file)
    source.row_factory = sqlite3.Row
    count = 0
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory, "copy.db")
        for what, free, sql, values in changes(source):
            shutil.copyfile(file, copy)
            database = sqlite3.connect(copy)
            try:
                changed = database.execute(sql, values).rowcount
            except sqlite3.IntegrityError:
                # Another row has this key.
                database.close()
                continue
            database.commit()
            database.close()
            assert changed == 1, (what, changed)
            outcome = subprocess.run(
                [program, "verify", "--json", "--expect", evidence, copy], capture_output=True, check=False, timeout=600)
            # A comparison that was made has its report, whatever it comes to.
            refused = outcome.returncode == 2 and not outcome.stdout
            if refused == free:
                print(f"{what}: {outcome.returncode} {outcome.stderr.decode()}")
            count += 1
    print(count)


main()
