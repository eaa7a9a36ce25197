#!/usr/bin/env python3
"""Runs commands in turn and compares each with the first: paired.py [--runs N] [--prepare COMMAND] NAME COMMAND...

Prints a Markdown table: medians of elapsed and processor time (with that of child processes), the medians of the ratios
of each round, and the largest memory. Ratios of rounds: on a busy machine neighbours in time had the same neighbours.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time


def run(command: list[str]) -> tuple[float, float, float]:
    """Elapsed and processor time in seconds, and MiB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{command}: status {process.returncode}: {errors.decode(errors='replace')}")
    return elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prepare")
    parser.add_argument("words", nargs="+")
    arguments = parser.parse_args()
    names = arguments.words[::2]
    commands = [shlex.split(command) for command in arguments.words[1::2]]
    rounds: list[list[tuple[float, float, float]]] = []
    for number in range(arguments.runs + 1):
        # Alternately forwards and backwards: the first one finds different caches from the last.
        order = range(len(commands)) if number % 2 == 0 else reversed(range(len(commands)))
        results = [(0.0, 0.0, 0.0)] * len(commands)
        for index in order:
            if arguments.prepare:
                subprocess.run(arguments.prepare, shell=True, check=True)
            results[index] = run(commands[index])
        # The first round warms up.
        if number > 0:
            rounds.append(results)
    print("|  | s | CPU, s | s ÷ first | CPU ÷ first | peak, MiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for index, name in enumerate(names):
        elapsed, used = (statistics.median(results[index][kind] for results in rounds) for kind in (0, 1))
        ratios = [statistics.median(results[index][kind] / results[0][kind] for results in rounds) for kind in (0, 1)]
        memory = max(results[index][2] for results in rounds)
        print(f"| {name} | {elapsed:.3f} | {used:.3f} | {ratios[0]:.3f} | {ratios[1]:.3f} | {memory:.1f} |")


if __name__ == "__main__":
    main()
