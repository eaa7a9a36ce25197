#!/usr/bin/env python3
"""Which files have the same content, found the plain way: by the SHA-256 of every file.

    duplicates.py PATH...            what `fsscan duplicates --json PATH...` is to find: prints the groups
    duplicates.py --check PATH...    reads that JSON from standard input, and says how it differs

A group has two inodes or more. Its bytes to be gained are those that the inodes behind the first have on the disk.
"""

import base64
import hashlib
import json
import os
import stat
import sys


def files(path):
    """Regular files at and below a path."""
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        yield path
        return
    for directory, _, names in os.walk(path):
        for name in names:
            yield os.path.join(directory, name)


def groups(paths, smallest=1):
    found = {}
    for path in {path for top in paths for path in files(top)}:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size < smallest:
            continue
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        inodes = found.setdefault((digest, status.st_size), {})
        inodes.setdefault((status.st_dev, status.st_ino), []).append(path)
    return {key: inodes for key, inodes in found.items() if len(inodes) > 1}


def exact(item):
    return base64.b64decode(item["path_b64"]) if "path_b64" in item else item["path"].encode()


def problems(document, expected):
    wanted = {frozenset(path for paths in inodes.values() for path in paths): (key, inodes)
              for key, inodes in expected.items()}
    for group in document["groups"]:
        paths = frozenset(exact(file) for file in group["files"])
        if len(paths) != len(group["files"]):
            yield f"a path twice in a group: {group}"
        key, inodes = wanted.pop(paths, (None, None))
        if key is None:
            yield f"no group: {sorted(paths)}"
            continue
        if group["size"] != key[1]:
            yield f"size {group['size']}, not {key[1]}: {sorted(paths)}"
        for file in group["files"]:
            status = os.lstat(exact(file))
            if (file["device"], file["inode"]) != (status.st_dev, status.st_ino):
                yield f"another inode: {file}"
            if file["disk_bytes"] != status.st_blocks * 512:
                yield f"other blocks: {file}"
        if "sha256" in group["digests"] and group["digests"]["sha256"] != key[0]:
            yield f"sha256 {group['digests']['sha256']}, not {key[0]}"
        if not group["shared_bytes"]:
            sizes = {(file["device"], file["inode"]): file["disk_bytes"] for file in group["files"]}
            first = (group["files"][0]["device"], group["files"][0]["inode"])
            others = sum(size for inode, size in sizes.items() if inode != first)
            if group["reclaimable_bytes"] != others:
                yield f"{group['reclaimable_bytes']} to be gained, not {others}: {sorted(paths)}"
    for paths in wanted:
        yield f"not found: {sorted(paths)}"
    totals = document["totals"]
    if totals["groups"] != len(expected):
        yield f"{totals['groups']} groups, not {len(expected)}"
    if totals["reclaimable_bytes"] != sum(group["reclaimable_bytes"] for group in document["groups"]):
        yield "the total is no sum"
    costs = [-group["reclaimable_bytes"] for group in document["groups"]]
    if costs != sorted(costs):
        yield "what costs most is not first"


def main():
    check = sys.argv[1] == "--check"
    paths = [os.fsencode(path) for path in sys.argv[1 + check:]]
    if not check:
        for (digest, size), inodes in sorted(groups(paths).items()):
            print(digest, size, sorted(path for names in inodes.values() for path in names))
        return 0
    document = json.load(sys.stdin)
    found = list(problems(document, groups(paths, document["options"]["min_size"])))
    for problem in found[:20]:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
