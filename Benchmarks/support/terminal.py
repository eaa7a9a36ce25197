#!/usr/bin/env python3
"""Times programs that show a tree in a terminal: until the first picture, the list, and rest. Measures memory, too.

    terminal.py [--runs N] [--press KEYS] NAME PATTERN COMMAND [NAME PATTERN COMMAND]...
    terminal.py --keys COMMAND

Each program runs in a pseudo-terminal of 120 columns and 40 lines. The first picture is the first byte that it writes
after setting up the terminal (a line of text). The list is there when it wrote what matches PATTERN, a regular expression
for text that only the list has. A program leaves out characters that are on the screen already, so a pattern has
several texts to choose from. The program rests when neither it nor a child has used the processor for half a second. Then it gets SIGTERM.
Runs of the programs alternate. Prints a Markdown table of medians; memory is the largest VmHWM. With --press, KEYS are
pressed when it rests, and a last column has the memory when it rests again.

--keys presses `?` again and again while `fsscan browse` scans, and prints how many milliseconds pass until help is on
the screen: the number of keys, the median, the longest; of the longest, how long the program's main thread was ready to
run and had no processor; and the most processor time that this thread used for a key.
"""

import argparse
import fcntl
import os
import pty
import random
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


def is_running(pid: int) -> bool:
    """Whether a thread of the process runs, waits for a processor, or for a disk."""
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] in "RD":
                    return True
        except OSError:
            pass
    return False


def peak(pid: int) -> float:
    """The largest resident set of the process, in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def start_in_terminal(command: str) -> tuple[int, int]:
    """Its process and its terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
        os.execvp("sh", ["sh", "-c", f"exec {command}"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return pid, terminal


def run(command: str, pattern: bytes, keys: bytes = b"") -> tuple[float, float, float, float, float]:
    """Seconds until the first picture, the list and rest, MiB, and MiB after the keys."""
    start = time.monotonic()
    pid, terminal = start_in_terminal(command)
    first = listed = None
    seen = b""
    used, busy = -1.0, start
    rested = memory = None
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
            if listed is None and re.search(pattern, seen):
                listed = now
            seen = seen[-4096:]
        time_used = processor_time(pid)
        # A program that waits for keys looks at its clock now and then: less than a tenth of the processor is rest.
        if time_used - used > REST / 10 or is_running(pid):
            used, busy = time_used, now
        if listed is not None and now - busy > REST:
            if rested is not None or not keys:
                break
            rested, memory = busy, peak(pid)
            os.write(terminal, keys)
            # On a busy machine it takes a while to read them.
            busy = now + 4 * REST
        if now - start > LIMIT:
            sys.exit(f"{command}: not done after {LIMIT} s: {seen[-500:]!r}")
    last = peak(pid)
    os.kill(pid, signal.SIGTERM)
    os.close(terminal)
    os.waitpid(pid, 0)
    return first - start, listed - start, (rested or max(busy, listed)) - start, memory or last, last


def scheduling(pid: int) -> tuple[float, float]:
    """Milliseconds that the main thread has run, and has waited for a processor."""
    with open(f"/proc/{pid}/task/{pid}/schedstat", encoding="ascii") as file:
        run, waited, _ = file.read().split()
    return int(run) / 1e6, int(waited) / 1e6


def read_until(terminal: int, is_there, limit: float) -> float:
    """When the output satisfied the condition, by the monotonic clock; exits after `limit` seconds."""
    seen = b""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.002)[0]:
            seen += os.read(terminal, 1 << 16)
            if is_there(ESCAPES.sub(b"", seen)):
                return time.monotonic()
    sys.exit(f"no answer within {limit} s: {seen[-500:]!r}")


#: Of the help; what was on the screen before may be in the place of some of it.
HELP = (b"scanthisdirectoryagain", b"largestfiles,kindsoffiles,owners", b"percent,bar,neither", b"Escendsit")


def keys_while_scanning(command: str) -> list[tuple[float, float, float]]:
    """Milliseconds until each key was answered; of these without a processor; and with one."""
    pid, terminal = start_in_terminal(command)
    waits: list[tuple[float, float, float]] = []
    chance = random.Random(1)
    read_until(terminal, lambda seen: b"qquit" in seen, 60)
    while len(waits) < 2 or not is_at_rest(pid):
        run, waited = scheduling(pid)
        pressed = time.monotonic()
        os.write(terminal, b"?")
        answered = read_until(terminal, lambda seen: any(text in seen for text in HELP), 10)
        run_then, waited_then = scheduling(pid)
        waits.append(((answered - pressed) * 1000, waited_then - waited, run_then - run))
        # Closes the help; the list's names of directories end in a slash.
        os.write(terminal, b"x")
        read_until(terminal, lambda seen: b"/" in seen, 10)
        end = time.monotonic() + chance.uniform(0.05, 0.25)
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.002)[0]:
                os.read(terminal, 1 << 16)
    os.kill(pid, signal.SIGTERM)
    os.close(terminal)
    os.waitpid(pid, 0)
    return waits


def is_at_rest(pid: int) -> bool:
    """Whether it uses no processor for a while, and wants none."""
    before = processor_time(pid)
    for _ in range(10):
        if is_running(pid):
            return False
        time.sleep(0.01)
    return processor_time(pid) - before < 0.02


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--press", default="")
    parser.add_argument("--keys")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    if arguments.keys:
        waits = keys_while_scanning(arguments.keys)
        longest = max(waits)
        median = statistics.median(wait for wait, _, _ in waits)
        used = max(run for _, _, run in waits)
        print(f"{len(waits)} {median:.0f} {longest[0]:.0f} {longest[1]:.0f} {used:.1f}")
        return
    programs = [tuple(arguments.words[i:i + 3]) for i in range(0, len(arguments.words), 3)]
    results = {name: [] for name, _, _ in programs}
    for _ in range(arguments.runs):
        for name, pattern, command in programs:
            results[name].append(run(command, pattern.encode(), arguments.press.encode()))
    print("|  | first picture, ms | list, s | all of it, s | peak, MiB |" + (" then, MiB |" if arguments.press else ""))
    print("| --- | ---: | ---: | ---: | ---: |" + (" ---: |" if arguments.press else ""))
    for name, runs in results.items():
        first, listed, rest = (statistics.median(column) for column in list(zip(*runs))[:3])
        memory = max(run[3] for run in runs)
        then = f" {max(run[4] for run in runs):.1f} |" if arguments.press else ""
        print(f"| {name} | {first * 1000:.0f} | {listed:.3f} | {rest:.2f} | {memory:.1f} |{then}")


if __name__ == "__main__":
    main()
