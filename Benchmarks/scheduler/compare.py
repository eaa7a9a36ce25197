"""Runs SchedulerBench and its rivals side by side, and prints the table and the verdicts of `make bench-scheduler`.

Each program times itself and prints `NAME THREADS SPAWN RUN TOTAL PEAK_KIB`. Each run is a process of its own. A round
runs every contender once, so that changes of the machine's speed affect all of them.
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


@dataclasses.dataclass
class Contender:
    """A command, and the output of its runs."""

    label: str
    command: list[str]
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    spawn: list[float] = dataclasses.field(default_factory=list)
    run: list[float] = dataclasses.field(default_factory=list)
    total: list[float] = dataclasses.field(default_factory=list)
    peak_kib: list[int] = dataclasses.field(default_factory=list)

    def run_once(self) -> None:
        done = subprocess.run(
            self.command, env=os.environ | self.environment, stdout=subprocess.PIPE, text=True, check=True
        )
        _, _, spawn, run, total, peak = done.stdout.split()
        self.spawn.append(float(spawn))
        self.run.append(float(run))
        self.total.append(float(total))
        self.peak_kib.append(int(peak))

    def row(self) -> bench.Row:
        return bench.Row(self.label, self.total, peak_kib=int(statistics.median(self.peak_kib)))


def contenders(options: argparse.Namespace) -> list[Contender]:
    """All installed contenders; scheduler.sh has named the missing ones."""
    count = str(options.count)
    found = [
        Contender(f"{mode} {threads}", [options.swift, mode, count, str(threads)])
        for mode in ("actors", "actors-inside", "actors-traced", "tasks", "detached", "waiting", "yields", "task-yields")
        for threads in (1, 2)
    ]
    cores = str(len(os.sched_getaffinity(0)))
    found += [Contender(f"{mode} {cores}", [options.swift, mode, count, cores]) for mode in ("swift-tasks", "swift-actors")]
    if options.go:
        found += [
            Contender(f"goroutines {threads}", [options.go, count], {"GOMAXPROCS": str(threads)}) for threads in (1, 2)
        ]
    if options.python:
        script = str(pathlib.Path(__file__).with_name("coroutines.py"))
        found += [Contender(f"{name} 1", [options.python, script, name, count]) for name in ("asyncio", "uvloop", "gevent")]
    return found


def table(measured: list[Contender]) -> str:
    base = next(contender for contender in measured if contender.label == "actors 1")
    lines = []
    for contender in measured:
        spawn, run, total = (statistics.median(times) for times in (contender.spawn, contender.run, contender.total))
        lines.append(
            [
                contender.label,
                f"{spawn:.4f}",
                f"{run:.4f}",
                f"{total:.4f}",
                f"{min(contender.total):.4f}",
                f"{total / statistics.median(base.total):.2f}",
                bench.mebibytes(int(statistics.median(contender.peak_kib))),
            ]
        )
    return bench.markdown(["what, threads", "spawn s", "run s", "total s", "min total s", "÷ actors 1", "peak MiB"], lines)


TARGETS = [
    ("1 thread: actors ÷ goroutines", "t('scheduler', 'actors 1') / t('scheduler', 'goroutines 1')", "<= 0.2"),
    ("2 threads: actors ÷ goroutines", "t('scheduler', 'actors 2') / t('scheduler', 'goroutines 2')", "<= 0.667"),
    ("1 thread: detached ÷ goroutines", "t('scheduler', 'detached 1') / t('scheduler', 'goroutines 1')", "<= 0.64"),
    ("1 thread: actors ÷ asyncio", "t('scheduler', 'actors 1') / t('scheduler', 'asyncio 1')", "<= 0.02"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description="Tables of scheduler benchmarks.")
    parser.add_argument("--swift", required=True, help="the program SchedulerBench")
    parser.add_argument("--go", help="the program made from goroutines.go")
    parser.add_argument("--python", help="a Python that has uvloop and gevent")
    parser.add_argument("--count", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()

    measured = contenders(options)
    for number in range(1, options.runs + 1):
        print(f"== scheduler: round {number} of {options.runs}", file=sys.stderr)
        for contender in measured:
            contender.run_once()

    bench.RESULTS.mkdir(exist_ok=True)
    raw = json.dumps([dataclasses.asdict(contender) for contender in measured], indent=2)
    (bench.RESULTS / "scheduler.json").write_text(raw + "\n")

    print(f"### Scheduler: {options.count:,} times nothing\n")
    print(bench.machine(["go"] if options.go else []) + python_versions(options.python) + "\n")
    print(f"Medians of {options.runs} runs.\n")
    print(table(measured) + "\n")
    print(bench.verdicts([bench.Result("scheduler", [contender.row() for contender in measured])], TARGETS))


def python_versions(python: str | None) -> str:
    if not python:
        return ""
    code = (
        "import platform, uvloop, gevent;"
        "print(f', Python {platform.python_version()}, uvloop {uvloop.__version__}, gevent {gevent.__version__}')"
    )
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip("\n")


if __name__ == "__main__":
    main()
