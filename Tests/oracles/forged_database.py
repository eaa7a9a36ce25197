"""Gives a table of an SQLite database a second half that has no end: forged_database.py FILE TABLE

Behind the table's own rows come pages, fifteen levels of them, each of which holds the next one as each of its children: no
path through the tree is too long, and there are more of them than anybody can go. The rows there are such as SQLite itself
passes over: in `sqlite_schema` (TABLE) an index that is known already, in `entries` rows that no query asks for.
"""

import sqlite3
import struct
import sys

LEVELS = 15


def varint(number):
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(0x80 | number & 0x7F)
    return bytes(reversed(parts))


def record(values):
    types, body = b"", b""
    for value in values:
        if value is None:
            types += b"\0"
        elif isinstance(value, int):
            types, body = types + b"\x04", body + struct.pack(">i", value)
        else:
            types += varint(2 * len(value) + (12 if isinstance(value, bytes) else 13))
            body += value if isinstance(value, bytes) else value.encode()
    return varint(len(types) + 1) + types + body


def page(kind, cells, right, size, start=0):
    content = bytearray(size)
    place = size
    for number, cell in enumerate(cells):
        place -= len(cell)
        assert place > 12 + 2 * len(cells), "the page is full"
        content[place:place + len(cell)] = cell
        struct.pack_into(">H", content, start + (12 if right else 8) + 2 * number, place)
    struct.pack_into(">BHHHB", content, start, kind, 0, len(cells), place, 0)
    if right:
        struct.pack_into(">I", content, start + 8, right)
    return content


def main(path, table):
    data = bytearray(open(path, "rb").read())
    size = struct.unpack_from(">H", data, 16)[0]
    if table == "sqlite_schema":
        root, start, interior, leaf = 1, 100, 5, 13
        # The index of the table `known (a UNIQUE)`.
        number = sqlite3.connect(path).execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_known_1'").fetchone()[0]
        row = record(["index", "sqlite_autoindex_known_1", "known", number, None])
        cell = varint(len(row)) + varint(9) + row
        first, between = varint(9), varint(9)
    else:
        root = sqlite3.connect(path).execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", [table]).fetchone()[0]
        start, interior, leaf = 0, 2, 10
        # Of the columns only those without NULL count. A key is a blob; numbers come before all blobs.
        columns = sqlite3.connect(path).execute(f"PRAGMA table_info({table})").fetchall()
        # Of a scan that is still to come.
        rest = [99 if column[1] == "since" else 1 if column[3] else None for column in columns[3:]]
        row = record([1, 0, 5] + rest)
        cell = between = varint(len(row)) + row
        row = record([1, 0, b"\xff"] + rest)
        first = varint(len(row)) + row
    old = bytearray(data[size * (root - 1):size * root])
    cells = struct.unpack_from(">H", old, start + 3)[0]
    length = (12 if old[start] in (2, 5) else 8) + 2 * cells
    moved = bytearray(old)
    moved[:length] = old[start:start + length]

    pages = len(data) // size
    child = pages + 1
    data += moved
    forged = page(interior, [struct.pack(">I", child) + first], child + 1, size, start)
    forged[:start] = data[:start]
    data[size * (root - 1):size * root] = forged
    for level in range(LEVELS):
        number = len(data) // size + 1
        data += page(interior, [struct.pack(">I", number + 1) + between] * 6, number + 1, size)
    data += page(leaf, [cell], None, size)
    struct.pack_into(">I", data, 28, len(data) // size)
    open(path, "wb").write(data)


main(*sys.argv[1:])
