#!/usr/bin/env python3
"""Merges measurements, prints Markdown tables, and says which targets were met.

Used in two ways: the shell scripts run it as a program on the results of `measure` (common.sh) in results/, and
scheduler/compare.py imports it as a module for programs that time themselves. A result is a list of rows that were
measured side by side.

    bench.py --result small-dirs --ratio "floor" \\
             --target "2 threads against the floor" 't("small-dirs", "fsscan 2") / t("small-dirs", "floor")' "<= 0.60"

A target is a Python expression over these, each in the unit of its table:
    t(result, row)          median seconds
    peak(result, row)       peak memory in MiB
    per_entry(result, row)  median nanoseconds for each entry
    rate(result, row)       bytes a second
    fastest(result, row...) median seconds of the fastest of these rows, of the result itself and of RESULT-others, if
                            that was measured; rows that are not installed are skipped
    fact(result, key)       a number that the script noted
A row that was not measured makes the target "not measured", never an error: rivals may be missing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import operator
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

RESULTS = pathlib.Path(__file__).resolve().parent.parent / "results"


class NotMeasured(Exception):
    """A row or fact that a target asks for is not there."""


@dataclasses.dataclass
class Row:
    """One contender: all its times in seconds, and its other figures."""

    name: str
    times: list[float]
    cpu: float | None = None
    peak_kib: int | None = None
    command: str = ""
    statuses: set[int] = dataclasses.field(default_factory=set)
    #: What it did not do, in words. Such a time counts for no target.
    fault: str = ""

    @property
    def works(self) -> bool:
        """1 is what find, du and fsscan return when a part of the tree could not be read; with any other status the
        program may have been fast because it did nothing."""
        return not self.fault and not self.statuses - {0, 1}

    @property
    def median(self) -> float:
        return statistics.median(self.times)


@dataclasses.dataclass
class Result:
    """Rows that were measured side by side in one run."""

    name: str
    rows: list[Row]
    facts: dict[str, str] = dataclasses.field(default_factory=dict)

    def row(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise NotMeasured(f"{name} in {self.name}")

    def working(self, name: str) -> Row:
        """The row of this name, if its time counts; else raises NotMeasured."""
        row = self.row(name)
        if not row.works:
            raise NotMeasured(row.fault or f"{name} exited with {statuses(row)}")
        return row

    def number(self, key: str) -> float:
        if key not in self.facts:
            raise NotMeasured(f"{key} of {self.name}")
        return float(self.facts[key])

    @staticmethod
    def load(name: str) -> "Result":
        """Reads the results of `measure NAME`: one hyperfine export for each round, merged, and the notes beside it."""
        merged: dict[str, list[dict]] = {}
        for file in sorted(RESULTS.glob(f"{name}.[0-9]*.json")):
            for part in json.loads(file.read_text())["results"]:
                merged.setdefault(part["command"], []).append(part)
        rows = [
            Row(
                name=row_name,
                times=[time for part in parts for time in part["times"]],
                cpu=statistics.median(part["user"] + part["system"] for part in parts),
                statuses={status for part in parts for status in part.get("exit_codes", []) if status is not None},
            )
            for row_name, parts in merged.items()
        ]
        result = Result(name, rows, dict(read_tabs(RESULTS / f"{name}.facts")))
        for row_name, peak, command in read_tabs(RESULTS / f"{name}.contenders"):
            row = result.row(row_name)
            row.peak_kib = int(peak) if peak.isdigit() else None
            row.command = command
        for row_name, fault in read_tabs(RESULTS / f"{name}.faults"):
            result.row(row_name).fault = fault
        return result


def read_tabs(path: pathlib.Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []


# Tables


def seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def mebibytes(kib: int | None) -> str:
    return "" if kib is None else f"{kib / 1024:.1f}"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table: the first column to the left, figures to the right, padded so that it reads as text too."""
    header, rows = ([cell.replace("|", "\\|") for cell in header], [[cell.replace("|", "\\|") for cell in row] for row in rows])
    widths = [max(len(line[column]) for line in [header, *rows]) for column in range(len(header))]

    def line(cells: list[str]) -> str:
        padded = [cell.ljust(width) if index == 0 else cell.rjust(width) for index, (cell, width) in enumerate(zip(cells, widths))]
        return "| " + " | ".join(padded) + " |"

    rule = "| " + " | ".join("-" * width if index == 0 else "-" * (width - 1) + ":" for index, width in enumerate(widths)) + " |"
    return "\n".join([line(header), rule, *map(line, rows)])


def table(result: Result, ratios: list[str]) -> str:
    """Median, minimum, CPU time, peak memory, and the median as a multiple of each row named in `ratios`."""
    bases = [result.row(name) for name in ratios if any(row.name == name for row in result.rows)]
    per_entry, rated = "entries" in result.facts, "bytes" in result.facts
    header = ["", "median", "min", "CPU", *(f"÷ {base.name}" for base in bases)]
    header += ["ns/entry"] * per_entry + ["GB/s"] * rated + ["peak MiB"]
    lines = []
    for row in result.rows:
        cells = [row.name if row.works else f"{row.name} *", seconds(row.median), seconds(min(row.times))]
        cells.append("" if row.cpu is None else seconds(row.cpu))
        cells += [f"{row.median / base.median:.2f}" for base in bases]
        if per_entry:
            cells.append(f"{row.median / result.number('entries') * 1e9:.0f}")
        if rated:
            cells.append(f"{result.number('bytes') / row.median / 1e9:.2f}")
        lines.append([*cells, mebibytes(row.peak_kib)])
    return markdown(header, lines)


def statuses(row: Row) -> str:
    return ", ".join(map(str, sorted(row.statuses)))


def failures(result: Result) -> list[str]:
    """A tool that failed may have been fast because it did nothing: that belongs beside its time."""
    lines = []
    for row in result.rows:
        mark = "" if row.works else "\\* "
        if row.fault:
            lines.append(f"{mark}{row.name}: {row.fault}")
        if row.statuses - {0}:
            lines.append(f"{mark}{row.name} exited with {statuses(row)}")
    return lines


# Targets

COMPARISONS = {"<=": operator.le, ">=": operator.ge}


def verdicts(results: list[Result], targets: list[tuple[str, str, str]]) -> str:
    """A table of targets: the bound, the measured value, met or missed."""
    by_name = {result.name: result for result in results}

    def find(result: str) -> Result:
        if result not in by_name:
            raise NotMeasured(result)
        return by_name[result]

    def peak(result: str, row: str) -> float:
        kib = find(result).working(row).peak_kib
        if kib is None:
            raise NotMeasured(f"peak memory of {row}")
        return kib / 1024

    def fastest(result: str, *rows: str) -> float:
        measured = find(result).rows + (by_name[f"{result}-others"].rows if f"{result}-others" in by_name else [])
        times = [row.median for row in measured if row.name in rows and row.works]
        if not times:
            raise NotMeasured(", ".join(rows))
        return min(times)

    names = {
        "t": lambda result, row: find(result).working(row).median,
        "peak": peak,
        "per_entry": lambda result, row: find(result).working(row).median / find(result).number("entries") * 1e9,
        "rate": lambda result, row: find(result).number("bytes") / find(result).working(row).median,
        "fastest": fastest,
        "fact": lambda result, key: find(result).number(key),
    }
    lines = []
    for sentence, expression, bound in targets:
        sign, limit = bound.split()
        try:
            # The expressions are those of the scripts beside this file.
            value = eval(expression, {"__builtins__": {}}, names)
            met = COMPARISONS[sign](value, float(limit))
            lines.append([sentence, bound, f"{value:.3g}", "met" if met else "**missed**"])
        except NotMeasured as missing:
            lines.append([sentence, bound, "", f"not measured ({missing})"])
    return markdown(["target", "asked", "measured", ""], lines)


# The machine

VERSION_COMMANDS = {
    "find": ["find", "--version"],
    "du": ["du", "--version"],
    "bfs": ["bfs", "--version"],
    "fdfind": ["fdfind", "--version"],
    "gdu": ["gdu", "--version"],
    "go": ["go", "version"],
    "sha256sum": ["sha256sum", "--version"],
    "hashdeep": ["hashdeep", "-V"],
    "rclone": ["rclone", "version"],
    "rhash": ["rhash", "--version"],
    "b3sum": ["b3sum", "--version"],
    "xxhsum": ["xxhsum", "--version"],
    "file": ["file", "--version"],
    "openssl": ["openssl", "version"],
    "aide": ["aide", "--version"],
    "mtree": ["dpkg-query", "--show", "mtree-netbsd"],
    "hyperfine": ["hyperfine", "--version"],
}


def version(tool: str) -> str | None:
    """`name number`, the number being the first thing that looks like a number in the tool's own output."""
    if shutil.which(tool) is None:
        return None
    done = subprocess.run(VERSION_COMMANDS[tool], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    # The name itself may hold digits: sha256sum.
    number = re.search(r"\d+(\.\d+)+|\d\S*", done.stdout.replace(tool, ""))
    return f"{tool} {number.group() if number else '?'}"


def machine(tools: list[str]) -> str:
    """Processor, cores, memory, kernel and the versions of the tools that were compared."""
    processor = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown processor"
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    versions = ", ".join(filter(None, map(version, tools)))
    kernel = os.uname()
    return f"{processor}, {cores} cores, {memory:.0f} GiB, {kernel.sysname} {kernel.release}" + (f"; {versions}" if versions else "")


def main() -> int:
    parser = argparse.ArgumentParser(description="Tables and verdicts from what measure in common.sh left in results/.")
    parser.add_argument("--title", default="")
    parser.add_argument("--result", action="append", default=[], help="a result to print; repeatable")
    parser.add_argument("--ratio", action="append", default=[], help="a row to which all others are put in proportion")
    parser.add_argument("--target", action="append", default=[], nargs=3, metavar=("SENTENCE", "EXPRESSION", "BOUND"))
    parser.add_argument("--tools", default="", help="names whose versions are printed, separated by blanks")
    parser.add_argument("--machine", action="store_true", help="print the line about the machine and nothing else")
    options = parser.parse_args()

    if options.machine:
        print(machine(options.tools.split()))
        return 0
    results = [Result.load(name) for name in options.result]
    if options.title:
        print(f"### {options.title}\n")
    print(machine([*options.tools.split(), "hyperfine"]) + "\n")
    for result in results:
        if not result.rows:
            continue
        runs = len(result.rows[0].times)
        print(f"**{result.facts.get('label', result.name)}** ({runs} runs each)\n")
        print(table(result, options.ratio) + "\n")
        for failure in failures(result):
            print(f"- {failure}")
        if failures(result):
            print()
    if options.target:
        print(verdicts(results, [tuple(target) for target in options.target]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
