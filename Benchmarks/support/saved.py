#!/usr/bin/env python3
"""Measures files of saved scans: saved.py FSSCAN TREE [--threads N] [--runs N] [--scans N]

Writes to files of TREE. Prints Markdown: medians of commands that run in turn, then what a file of many scans costs.
"""

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time


def run(command):
    """Seconds of wall time, of processor time, and the largest memory in MiB."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    # diff: 1 where something differs.
    assert process.returncode in (0, 1), (command, process.returncode)
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def table(rows, runs):
    """(name, what to do before, command): each in turn, so that a change of the machine's mood meets all of them."""
    measured = {name: [] for name, _, _ in rows}
    for _ in range(runs):
        for name, prepare, command in rows:
            prepare()
            measured[name].append(run(command))
    first = None
    print("| | wall s | CPU s | ÷ first, CPU | peak MiB |\n| --- | ---: | ---: | ---: | ---: |")
    for name, values in measured.items():
        wall, cpu = (statistics.median(value[part] for value in values) for part in (0, 1))
        first = first or cpu
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {cpu / first:.2f} | {max(value[2] for value in values):.0f} |")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("tree", type=pathlib.Path)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scans", type=int, default=50)
    options = parser.parse_args()
    program, tree = options.program, str(options.tree)
    scan = [program, "--threads", options.threads]
    files = [os.path.join(top, name) for top, _, names in os.walk(tree) for name in sorted(names)]
    files.sort()
    with tempfile.TemporaryDirectory() as directory:
        saved, fresh, pruned = (os.path.join(directory, name) for name in ("saved.db", "fresh.db", "pruned.db"))
        run([*scan, "--save", saved, tree])
        one = os.path.getsize(saved)

        def remove():
            if os.path.exists(fresh):
                os.remove(fresh)

        print(f"**{len(files)} files, warm, {options.threads} threads, medians of {options.runs} in turn**\n")
        table([
            ("--ndjson", lambda: None, [*scan, "--ndjson", tree]),
            ("--save, a new file", remove, [*scan, "--save", fresh, tree]),
            ("--save, nothing has changed", lambda: None, [*scan, "--save", saved, tree]),
        ], options.runs)

        remove()
        generator = random.Random(1)
        for number in range(options.scans):
            if number:
                for file in generator.sample(files, len(files) // 100):
                    with open(file, "w", encoding="ascii") as opened:
                        opened.write(str(number))
            run([*scan, "--save", fresh, tree])
        size = os.path.getsize(fresh)
        print(f"**{options.scans} scans, 1 % of the files written again before each**\n")
        print("| | MiB | ÷ one scan |\n| --- | ---: | ---: |")
        print(f"| one scan | {one / 2**20:.1f} | 1.00 |\n| {options.scans} scans | {size / 2**20:.1f} | {size / one:.2f} |")

        def copy():
            shutil.copyfile(fresh, pruned)

        last = options.scans
        copy()
        run([program, "prune", "--keep", "1", pruned])
        print(f"| pruned to one | {os.path.getsize(pruned) / 2**20:.1f} | {os.path.getsize(pruned) / one:.2f} |\n")
        table([
            ("diff, the last two scans", lambda: None, [program, "diff", f"{fresh}#{last - 1}", f"{fresh}#{last}"]),
            ("diff --growth, the last two", lambda: None,
             [program, "diff", "--growth", f"{fresh}#{last - 1}", f"{fresh}#{last}"]),
            ("diff, the first and the last", lambda: None, [program, "diff", f"{fresh}#1", f"{fresh}#{last}"]),
            ("saved", lambda: None, [program, "saved", fresh]),
            ("saved --evidence, one scan", lambda: None, [program, "saved", "--evidence", saved]),
            ("prune --keep 1", copy, [program, "prune", "--keep", "1", pruned]),
            ("prune, the older half", copy, [program, "prune", "--keep", str(last // 2), pruned]),
        ], options.runs)


main()
