#!/usr/bin/env python3
"""Whether programs find the same groups of duplicates: duplicate_groups.py FSSCAN TREE

jdupes and fdupes print groups of paths, which are compared one by one; rdfind and rmlint are asked for how many files they
have in groups. Names with a newline are left to other tests. A program that is not installed is passed over.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


def groups(text, separator):
    return {frozenset(group.split(separator)) for group in text.split(2 * separator) if group.strip(separator)}


def main():
    fsscan, tree = sys.argv[1:]
    text = output(fsscan, "duplicates", "-0", tree)
    found = {frozenset(path for path in group.split(b"\0") if path) for group in text.split(b"\0\0") if group}
    files = sum(map(len, found))
    problems = []
    for command in (["jdupes", "-q", "-r"], ["fdupes", "-q", "-n", "-r"]):
        if shutil.which(command[0]):
            others = {frozenset(path for path in group if path) for group in groups(output(*command, tree), b"\n")}
            if others != found:
                problems.append(f"{command[0]}: {len(others - found)} other groups, {len(found - others)} missing")
    with tempfile.TemporaryDirectory() as directory:
        if shutil.which("rdfind"):
            results = os.path.join(directory, "results")
            output("rdfind", "-dryrun", "false", "-outputname", results, tree)
            with open(results, "rb") as lines:
                count = sum(line.startswith(b"DUPTYPE_") for line in lines)
            if count != files:
                problems.append(f"rdfind: {count} files, not {files}")
        if shutil.which("rmlint"):
            results = os.path.join(directory, "rmlint")
            output("rmlint", "-T", "df", "--hidden", "-o", f"json:{results}", tree)
            with open(results, encoding="utf-8", errors="replace") as lines:
                count = sum(item.get("type") == "duplicate_file" for item in json.load(lines))
            if count != files:
                problems.append(f"rmlint: {count} files, not {files}")
    print("; ".join(problems) or f"{len(found)} groups of {files} files, in all programs")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
