#!/usr/bin/env python3
"""`make bench-guard`: counts what small, fixed workloads cost, and compares with Benchmarks/thresholds.json.

    guard.py FSSCAN SCHEDULERBENCH [--update] [WORKLOAD...]

It counts instructions in user space and allocations (valgrind's callgrind, whose processor is the same on every
machine) and system calls (strace), with one thread. Each workload runs twice. If the two runs differ by more than a
third of the allowed margin, the counter is not repeatable here: the script says so and does not compare it. Exit status
1 if something costs over 3 % more than its threshold, and more than what another machine may add. The script also names
what costs less, so that you can lower the threshold.

A change that costs more raises the threshold (`--update`) in its own commit. The thresholds hold for the compiler and
the libraries that the file names. With others the script compares nothing, unless GUARD=always is set.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

THRESHOLDS = pathlib.Path(__file__).resolve().parent / "thresholds.json"
ALLOWED = 0.03
#: What another machine may add to a small workload (mounts, control groups, locales). It does not count.
SLACK = {"instructions": 500_000, "allocations": 1_000, "system_calls": 25}
#: What depends on time and not on work: threads that wait for each other, the monitor's looks at clocks.
IDLE_CALLS = "futex,sched_yield,clock_nanosleep,nanosleep,restart_syscall,clock_gettime,rt_sigreturn"
SCAN = ["--threads", "1", "--pool", "1", "--no-progress"]


def make_tree(path: pathlib.Path) -> None:
    """10,101 entries: 100 directories of 100 names. Every tenth name is a hard link to the file before it."""
    for number in range(100):
        directory = path / f"directory-{number:03}"
        directory.mkdir(parents=True)
        for index in range(100):
            name = directory / f"file-{index:03}.txt"
            if index % 10 == 9:
                name.hardlink_to(directory / f"file-{index - 1:03}.txt")
            else:
                name.write_bytes(b"%d %d\n" % (number, index) * 100)


def workloads(fsscan: str, scheduler: str, work: pathlib.Path) -> dict[str, list[str]]:
    tree, empty, saved = str(work / "tree"), str(work / "empty"), str(work / "saved.db")
    scan = [fsscan, *SCAN, "-o", "/dev/null"]
    return {
        "start": [*scan, "--json", empty],
        "report": [*scan, "--json", tree],
        "summary": [*scan, tree],
        "records": [*scan, "--ndjson", tree],
        "sorted": [*scan, "--ndjson", "--sorted", tree],
        "digests": [*scan, "--json", "--hash", "xxh128", tree],
        "save": [*scan, "--save", str(work / "new.db"), tree],
        "diff": [fsscan, "diff", "-o", "/dev/null", f"{saved}#1", f"{saved}#2"],
        "verify": [fsscan, "verify", "--threads", "1", "-o", "/dev/null", f"{saved}#2"],
        "actors": [scheduler, "actors", "20000", "1"],
        "tasks": [scheduler, "tasks", "5000", "1"],
    }


def prepare(fsscan: str, work: pathlib.Path) -> None:
    make_tree(work / "tree")
    (work / "empty").mkdir()
    for change in (lambda: None, lambda: (work / "tree" / "directory-050" / "new").touch()):
        change()
        subprocess.run([fsscan, "--save", work / "saved.db", work / "tree"], check=True, capture_output=True)


def run(command: list[str], environment: dict[str, str]) -> None:
    # No other variables: LD_LIBRARY_PATH and the like cost system calls.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    outcome = subprocess.run(command, env=kept | environment, capture_output=True)
    if outcome.returncode > 1:
        sys.exit(f"{command}: status {outcome.returncode}\n{outcome.stderr.decode(errors='replace')}")


def count(command: list[str], work: pathlib.Path) -> dict[str, int]:
    (work / "new.db").unlink(missing_ok=True)
    # Swift's hashes differ from run to run otherwise.
    environment = {"SWIFT_DETERMINISTIC_HASHING": "1", "LC_ALL": "C.UTF-8"}
    profile = work / "callgrind"
    run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", *command], environment)
    (work / "new.db").unlink(missing_ok=True)
    calls = work / "calls"
    run(["strace", "-f", "-qq", "-o", str(calls), "-e", f"trace=!{IDLE_CALLS}", *command], environment)
    # A call that another thread's line interrupts is resumed in a line of its own.
    lines = [line for line in calls.read_text(errors="replace").splitlines() if "resumed>" not in line]
    return counted(profile) | {"system_calls": len(lines)}


def counted(profile: pathlib.Path) -> dict[str, int]:
    """Instructions and calls of the allocator, from the output of callgrind."""
    names: dict[str, str] = {}
    callee, instructions, allocations = "", 0, 0
    for line in profile.read_text(errors="replace").splitlines():
        if line.startswith("cfn="):
            found = re.match(r"cfn=(\(\d+\))(?: (.*))?", line)
            if found is None:
                continue
            if found[2]:
                names[found[1]] = found[2]
            callee = names.get(found[1], "")
        elif line.startswith("fn="):
            found = re.match(r"fn=(\(\d+\)) (.*)", line)
            if found:
                names[found[1]] = found[2]
        elif line.startswith("calls="):
            if re.fullmatch(r"(malloc|calloc|realloc|posix_memalign|aligned_alloc)('\d+)?", callee):
                allocations += int(line[6:].split()[0])
        elif line.startswith(("summary:", "totals:")):
            instructions = int(line.split()[1])
    if instructions == 0:
        sys.exit(f"{profile}: callgrind counted nothing")
    return {"instructions": instructions, "allocations": allocations}


def versions() -> dict[str, str]:
    """The versions that the counts depend on, beside the program."""
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    found = re.search(r"Swift version (\S+)", swift)
    system = pathlib.Path("/etc/os-release").read_text()
    name = re.search(r'^PRETTY_NAME="?([^"\n]*)', system, re.MULTILINE)
    return {"swift": found[1] if found else "", "system": name[1] if name else "", "machine": os.uname().machine}


def main() -> int:
    arguments = sys.argv[1:]
    is_update = "--update" in arguments
    fsscan, scheduler, *chosen = [argument for argument in arguments if argument != "--update"]
    for tool in ("valgrind", "strace"):
        if shutil.which(tool) is None:
            print(f"guard: skipped: {tool} is missing")
            return 0
    kept = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {"versions": {}, "workloads": {}}
    here = versions()
    is_same = kept["versions"] == here or os.environ.get("GUARD") == "always"
    if not is_update and not is_same:
        print(f"guard: skipped: the thresholds are those of {kept['versions']}, this is {here}")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        work = pathlib.Path(name)
        # valgrind refuses some debug information of Swift's.
        for source, target in ((fsscan, work / "fsscan"), (scheduler, work / "scheduler")):
            subprocess.run(["strip", "-g", "-o", target, source], check=True)
        fsscan, scheduler = str(work / "fsscan"), str(work / "scheduler")
        prepare(fsscan, work)
        for workload, command in workloads(fsscan, scheduler, work).items():
            if chosen and workload not in chosen:
                continue
            first, second = count(command, work), count(command, work)
            limits = kept["workloads"].setdefault(workload, {})
            for counter in first:
                low, high = sorted((first[counter], second[counter]))
                line = f"{workload:8} {counter:13} {low:12,}"
                if high - low > ALLOWED / 3 * high:
                    print(f"{line}  to {high:,}: not repeatable here, not compared")
                elif is_update:
                    limits[counter] = low
                    print(line)
                else:
                    limit = limits.get(counter, 0)
                    ratio = low / limit if limit else float("inf")
                    is_more = ratio > 1 + ALLOWED and low > limit + SLACK[counter]
                    verdict = "COSTS MORE" if is_more else "costs less" if ratio < 1 - ALLOWED else "ok"
                    failed |= verdict == "COSTS MORE"
                    print(f"{line}  {ratio:.3f} of the threshold: {verdict}")
    if is_update:
        THRESHOLDS.write_text(json.dumps({"versions": here, "workloads": kept["workloads"]}, indent=2) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
