"""Runs the workloads that depend on stealing on every contender, and prints a table for each and the verdicts.

Each program gets WORKLOAD SIZE THREADS, times itself, and prints `RESULT SECONDS PEAK_KIB`. The results must be equal, or
nothing is printed. A round runs everything once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import bench  # noqa: E402  (found through the path above)

# Workload: default size, what the size says, whether it is fork and join.
WORKLOADS = {
    "fib": (25, "recursive Fibonacci of {}: a task for one half of each call", True),
    "queens": (10, "{} queens, all solutions: a task for each placement", True),
    "uts": (2000, "unbalanced tree, {} children of the root: a task for each node", True),
    "pingpong": (200_000, "two that answer each other {} times", False),
    "fanin": (200_000, "1,000 send {} messages to one", False),
    "chain": (200_000, "{} in a row, each starts the next", False),
    "for": (1_000_000, "a loop over {} numbers, of which some take longer", True),
}
FORKS = {name for name, (_, _, forks) in WORKLOADS.items() if forks}
# What needs a task of its own for each number.
NOT_FOR = set(WORKLOADS) - {"for"}


@dataclasses.dataclass
class Contender:
    """A program that does some of the workloads."""

    name: str
    command: list[str]
    workloads: set[str] = dataclasses.field(default_factory=lambda: NOT_FOR)
    # Nothing to set: it has as many threads as it pleases.
    threads: list[int] | None = None


@dataclasses.dataclass
class Measured:
    contender: str
    threads: int
    result: str | None = None
    seconds: list[float] = dataclasses.field(default_factory=list)
    peak_kib: list[int] = dataclasses.field(default_factory=list)

    @property
    def label(self) -> str:
        return f"{self.contender} {self.threads}"

    def run_once(self, command: list[str], workload: str, size: int) -> None:
        command = [*command, workload, str(size), str(self.threads)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        result, seconds, peak = done.stdout.split()
        if self.result not in (None, result):
            sys.exit(f"{workload} of {self.label}: {self.result}, then {result}")
        self.result = result
        self.seconds.append(float(seconds))
        self.peak_kib.append(int(peak))

    def row(self) -> bench.Row:
        return bench.Row(self.label, self.seconds, peak_kib=int(statistics.median(self.peak_kib)))


ABLATION = {
    "actors": "as it is",
    "actors-oldest": "own end first in, first out",
    "actors-random": "sent to a random worker",
    "actors-polling": "idle workers sleep 1 ms",
    "actors-waking": "a worker woken for each push to an empty deque",
    "actors-locking": "a lock at each push and pop of a worker",
    "actors-articles": "as in the articles: the first three",
}


def contenders(options: argparse.Namespace) -> list[Contender]:
    if options.ablation:
        return [Contender(name, [options.swift, name]) for name in ABLATION]
    cores = len(os.sched_getaffinity(0))
    found = [
        Contender("actors", [options.swift, "actors"]),
        Contender("forks", [options.swift, "forks"], FORKS),
        Contender("tasks", [options.swift, "tasks"]),
        Contender("Swift", [options.swift, "swift"], threads=[cores]),
    ]
    if options.go:
        found.append(Contender("Go", [options.go]))
    if options.tbb:
        found.append(Contender("oneTBB", [options.tbb], FORKS | {"chain"}))
    if options.tokio:
        found.append(Contender("tokio", [options.tokio]))
    if options.python:
        script = str(pathlib.Path(__file__).with_name("workloads.py"))
        found.append(Contender("asyncio", [options.python, script], {"pingpong", "fanin", "chain"}, threads=[1]))
    return found


def table(measured: list[Measured], threads: list[int]) -> str:
    """A line for each contender, seconds at each number of threads, and what the first of them takes in proportion."""
    first = measured[0].contender
    base = {cell.threads: statistics.median(cell.seconds) for cell in measured if cell.contender == first}
    lines = []
    for name in dict.fromkeys(cell.contender for cell in measured):
        cells = {cell.threads: cell for cell in measured if cell.contender == name}
        line = [name]
        for number in threads:
            if number in cells:
                median = statistics.median(cells[number].seconds)
                line += [f"{median * 1000:.1f}", f"{median / base[number]:.2f}"]
            else:
                line += ["", ""]
        line.append(bench.mebibytes(max(int(statistics.median(cell.peak_kib)) for cell in cells.values())))
        lines.append(line)
    header = [""]
    for number in threads:
        header += [f"ms, {number} thr.", f"÷ {first}"]
    return bench.markdown([*header, "peak MiB"], lines)


def targets(threads: list[int]) -> list[tuple[str, str, str]]:
    cores = len(os.sched_getaffinity(0))
    found = []
    for workload, (_, _, forks) in WORKLOADS.items():
        for number in threads:
            actors, tbb = f"t('{workload}', 'actors {number}')", f"t('{workload}', 'oneTBB {number}')"
            if workload in NOT_FOR:
                found.append((f"{workload}, {number} thr.: actors ÷ Go", f"{actors} / t('{workload}', 'Go {number}')", "<= 1"))
            if workload in NOT_FOR & FORKS:
                found.append((f"{workload}, {number} thr.: actors ÷ oneTBB", f"{actors} / {tbb}", "<= 1.5"))
            if forks:
                ratio = f"t('{workload}', 'forks {number}') / {tbb}"
                found.append((f"{workload}, {number} thr.: forks ÷ oneTBB", ratio, "<= 1"))
        if cores in threads and workload in NOT_FOR:
            expression = f"t('{workload}', 'tasks {cores}') / t('{workload}', 'Swift {cores}')"
            found.append((f"{workload}, {cores} thr.: tasks ÷ Swift's executor", expression, "<= 1"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Tables of the workloads where stealing matters.")
    parser.add_argument("--swift", required=True, help="the program WorkloadBench")
    parser.add_argument("--go", help="the program made from workloads.go")
    parser.add_argument("--tbb", help="the program made from workloads.cpp")
    parser.add_argument("--tokio", help="the program made from tokio/")
    parser.add_argument("--python", help="a Python for asyncio")
    parser.add_argument("--ablation", action="store_true", help="only the policies of the articles' scheduler, one by one")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", action="append", default=[], metavar="WORKLOAD=SIZE", help="another size; repeatable")
    options = parser.parse_args()
    sizes = {name: size for name, (size, _, _) in WORKLOADS.items()}
    sizes |= {name: int(size) for name, size in (item.split("=") for item in options.size)}

    programs = contenders(options)
    measured = {
        workload: [
            Measured(program.name, number)
            for program in programs
            if workload in program.workloads
            for number in (program.threads or options.threads)
        ]
        for workload in WORKLOADS
        if any(workload in program.workloads for program in programs)
    }
    commands = {program.name: program.command for program in programs}
    for number in range(1, options.runs + 1):
        print(f"== workloads: round {number} of {options.runs}", file=sys.stderr)
        for workload, cells in measured.items():
            for cell in cells:
                cell.run_once(commands[cell.contender], workload, sizes[workload])
    for workload, cells in measured.items():
        if len({cell.result for cell in cells}) != 1:
            sys.exit(f"{workload}: results differ: " + ", ".join(f"{cell.label} {cell.result}" for cell in cells))

    bench.RESULTS.mkdir(exist_ok=True)
    raw = {workload: [dataclasses.asdict(cell) for cell in cells] for workload, cells in measured.items()}
    name = "ablation" if options.ablation else "workloads"
    (bench.RESULTS / f"{name}.json").write_text(json.dumps(raw, indent=2) + "\n")
    if options.ablation:
        print_ablation(measured, options)
        return

    print("### Scheduler: where stealing matters\n")
    print(bench.machine(["go"] if options.go else []) + "\n")
    print(f"Medians of {options.runs} runs. *tasks* and *Swift* are the same async functions, on this pool and on Swift's own.\n")
    for workload, cells in measured.items():
        print(f"**{workload}**: {WORKLOADS[workload][1].format(f'{sizes[workload]:,}')} (result {int(cells[0].result):,})\n")
        print(table(cells, sorted({cell.threads for cell in cells})) + "\n")
    results = [bench.Result(workload, [cell.row() for cell in cells]) for workload, cells in measured.items()]
    print(bench.verdicts(results, targets(options.threads)) + "\n")
    print("tasks ÷ Go: " + ", ".join(ratios(measured, options.threads)))


def print_ablation(measured: dict[str, list[Measured]], options: argparse.Namespace) -> None:
    """The time of each policy of the articles' scheduler in proportion to this one's, and their peak memory."""
    print("### Scheduler: what each difference from the articles' scheduler is worth\n")
    print(bench.machine([]) + "\n")
    print(f"Time in proportion to the scheduler as it is (medians of {options.runs} runs), and peak memory in MiB.\n")
    for number in options.threads:
        lines = []
        for name, label in ABLATION.items():
            line = [label]
            for cells in measured.values():
                medians = {cell.contender: cell for cell in cells if cell.threads == number}
                median = statistics.median(medians[name].seconds)
                peak = bench.mebibytes(int(statistics.median(medians[name].peak_kib)))
                line.append(f"{median / statistics.median(medians['actors'].seconds):.2f} ({peak})")
            lines.append(line)
        print(bench.markdown([f"{number} thr.", *measured], lines) + "\n")


def ratios(measured: dict[str, list[Measured]], threads: list[int]) -> list[str]:
    found = []
    for workload, cells in measured.items():
        medians = {cell.label: statistics.median(cell.seconds) for cell in cells}
        for number in threads:
            if f"Go {number}" in medians:
                found.append(f"{workload} at {number} {medians[f'tasks {number}'] / medians[f'Go {number}']:.1f}")
    return found


if __name__ == "__main__":
    main()
