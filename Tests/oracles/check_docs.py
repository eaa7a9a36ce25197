#!/usr/bin/env python3
"""Runs the examples of the documentation and compares their output with the text.

    check_docs.py FSSCAN [FILE...]      the files: README.md and those of docs/ that have examples

An example is a ```console block after a line `<!-- checked -->`. Lines that start with `$ ` are commands for bash, and
`> ` continues a command. The rest is the output of both streams. A line `...` stands for any lines. The examples of a
file run in one temporary directory, one after the other. If an example differs, the script prints the difference and
exits with status 1.
"""

import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^<!-- checked -->\n+```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(text):
    """(command, expected lines) of each example."""
    for block in BLOCK.findall(text):
        command, expected = None, []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield command, expected
                command, expected = line[2:], []
            elif line.startswith("> ") and command is not None and not expected:
                command += "\n" + line[2:]
            else:
                expected.append(line)
        if command is not None:
            yield command, expected


def agrees(expected, printed):
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in expected)
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


def check(path, environment):
    failures = count = 0
    with tempfile.TemporaryDirectory() as directory:
        for command, expected in examples(path.read_text(encoding="utf-8")):
            count += 1
            result = subprocess.run(
                ["bash", "-c", command], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
            printed = result.stdout.decode("utf-8", "backslashreplace").splitlines()
            if not agrees(expected, printed):
                failures += 1
                print(f"{path.relative_to(REPOSITORY)}: $ {command}")
                print("\n".join(difflib.unified_diff(expected, printed, "written", "printed", lineterm="")))
    if count == 0:
        print(f"{path.relative_to(REPOSITORY)}: no example is marked as checked")
    return failures or count == 0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = pathlib.Path(sys.argv[1]).resolve(strict=True)
    files = sys.argv[2:] or [REPOSITORY / "README.md", *(file for file in sorted((REPOSITORY / "docs").glob("*.md")) if BLOCK.search(file.read_text()))]
    environment = {
        **os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
        # The examples' own repository, whatever configuration or repository is around.
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
    }
    for name in [name for name in environment if name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")]:
        del environment[name]
    results = [check(pathlib.Path(file).resolve(), environment) for file in files]
    sys.exit(1 if any(results) else 0)


main()
