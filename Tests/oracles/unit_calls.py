"""Lists system calls of a trace that a systemd unit's SystemCallFilter does not allow: unit_calls.py UNIT TRACE...

TRACE is the output of `strace -f`. systemd itself lists the calls of its groups (systemd-analyze syscall-filter).
"""

import re
import subprocess
import sys


def members(name):
    """The calls that a name of a filter stands for."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in text.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            found |= members(word)
    return found


def main():
    allowed = None
    for line in open(sys.argv[1]):
        if not line.startswith("SystemCallFilter="):
            continue
        value = line.split("=", 1)[1].strip()
        names = set().union(*(members(word) for word in value.lstrip("~").split()))
        # As systemd.exec(5): a first list that is not inverted starts from the calls that every process needs.
        if value.startswith("~"):
            allowed -= names
        else:
            allowed = (allowed if allowed is not None else members("@default")) | names
    used = set()
    for path in sys.argv[2:]:
        for line in open(path, errors="replace"):
            call = re.match(r"(?:\d+ +)?([a-z_0-9]+)\(", line)
            if call:
                used.add(call.group(1))
    if len(used) < 10 or "getdents64" not in used:
        sys.exit("not a trace of a scan")
    print("".join(name + "\n" for name in sorted(used - allowed)), end="")


main()
