#!/usr/bin/env python3
"""Times programs that show a tree in a terminal: until the first picture, the list, and rest. Measures memory, too.

    terminal.py [--runs N] NAME PATTERN COMMAND [NAME PATTERN COMMAND]...

Each program runs in a pseudo-terminal of 120 columns and 40 lines. The first picture is the first byte that it writes
after setting up the terminal (a line of text). The list is there when PATTERN, a text that only the list has, was
written. The program rests when neither it nor a child has used the processor for half a second. Then it gets SIGTERM.
Runs of the programs alternate. Prints a Markdown table of medians; memory is the largest VmHWM.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import termios
import time

ESCAPES = re.compile(rb"\x1b(\[[0-9;?>=]*[A-Za-z]|[()][A-Z0-9]|[=>78]|\][^\x07]*\x07)|[\r\n\x0f\x0e ]")
LIMIT = 600.0
REST = 0.5
TICK = 1 / os.sysconf("SC_CLK_TCK")


def processor_time(pid: int) -> float:
    """Seconds of processor time that the process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def peak(pid: int) -> float:
    """The largest resident set of the process, in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def run(command: str, pattern: bytes) -> tuple[float, float, float, float]:
    """Seconds until the first picture, the list and rest, and MiB."""
    start = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
        os.execvp("sh", ["sh", "-c", f"exec {command}"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    first = listed = None
    seen = b""
    used, busy = -1.0, start
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.005)
        now = time.monotonic()
        if ready:
            try:
                seen += os.read(terminal, 1 << 16)
            except OSError:
                sys.exit(f"{command}: ended by itself: {seen[-500:]!r}")
            if first is None and ESCAPES.sub(b"", seen):
                first = now
            if listed is None and pattern in seen:
                listed = now
            seen = seen[-4096:]
        time_used = processor_time(pid)
        # A program that waits for keys looks at its clock now and then: less than a tenth of the processor is rest.
        if time_used - used > REST / 10:
            used, busy = time_used, now
        if listed is not None and now - busy > REST:
            break
        if now - start > LIMIT:
            sys.exit(f"{command}: not done after {LIMIT} s: {seen[-500:]!r}")
    memory = peak(pid)
    os.kill(pid, signal.SIGTERM)
    os.close(terminal)
    os.waitpid(pid, 0)
    return first - start, listed - start, max(busy, listed) - start, memory


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("words", nargs="+")
    arguments = parser.parse_args()
    programs = [tuple(arguments.words[i:i + 3]) for i in range(0, len(arguments.words), 3)]
    results = {name: [] for name, _, _ in programs}
    for _ in range(arguments.runs):
        for name, pattern, command in programs:
            results[name].append(run(command, pattern.encode()))
    print("|  | first picture, ms | list, s | all of it, s | peak, MiB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, runs in results.items():
        first, listed, rest = (statistics.median(column) for column in list(zip(*runs))[:3])
        memory = max(run[3] for run in runs)
        print(f"| {name} | {first * 1000:.0f} | {listed:.2f} | {rest:.2f} | {memory:.1f} |")


if __name__ == "__main__":
    main()
