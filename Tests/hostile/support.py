"""Shared by the hostile cases: the program under test, deadlines, checks, and the table of results.

A case never passes by not running: a case that cannot run here (no root, no mounts) is a row that says so.
"""

import ctypes
import functools
import json
import os
import pathlib
import random
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import time

ORACLES = pathlib.Path(__file__).resolve().parents[1] / "oracles"
sys.path.insert(0, str(ORACLES))
sys.dont_write_bytecode = True

import deepjson  # noqa: E402
import reference_scan  # noqa: E402
import validate  # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)


class Result:
    """How a program ended."""

    def __init__(self, status, out, err, seconds):
        self.status = status  # as subprocess gives it: negative for a signal, None for a hang that was ended
        self.out = out
        self.err = err
        self.seconds = seconds

    def shown(self):
        return f"status {self.status}, {len(self.out)} bytes, {self.err[:300]!r}"


class Session:
    """One run of all sections: the program, the amount of testing, and the results."""

    def __init__(self, fsscan, short, scale, seed):
        self.fsscan = os.path.realpath(fsscan)
        self.short = short
        self.scale = scale
        self.seed = seed
        self.rows = []
        self.failures = []
        self.section = ""
        self.random = None
        self._directories = []

    def begin(self, section):
        self.section = section
        # A section is the same whether or not others ran before it.
        self.random = random.Random(f"{self.seed}/{section}")

    def times(self, in_short, in_stress):
        """How often to try something: the long form is scaled by STRESS_SECONDS."""
        return in_short if self.short else max(in_short, round(in_stress * self.scale))

    def row(self, case, tried, outcome):
        self.rows.append((self.section, case, tried, outcome))
        print(f"{self.section}: {case} | {tried} | {outcome}", flush=True)

    def skip(self, case, why):
        self.row(case, "not tried", f"skipped: {why}")

    def check(self, condition, message):
        """Records a failure. The case goes on, so that one run shows all failures."""
        if condition:
            return True
        self.failures.append(f"{self.section}: {message}")
        print(f"FAILED {self.section} (seed {self.seed}): {message}", flush=True)
        return False

    # ---- Directories

    def directory(self, parent=None):
        """A new directory, removed at the end of the section."""
        path = os.fsencode(tempfile.mkdtemp(prefix="fsscan-hostile-", dir=parent))
        self._directories.append(path)
        return path

    def clean(self):
        for path in self._directories:
            # rm goes any depth down, which shutil does not.
            subprocess.run(["rm", "-rf", "--", path], check=False)
        self._directories = []

    # ---- Running the program

    def start(self, arguments, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([self.fsscan, *arguments], **options)

    def finish(self, process, timeout=120, what="a scan"):
        start = time.monotonic()
        try:
            out, err = process.communicate(timeout=timeout)
            status = process.returncode
        except subprocess.TimeoutExpired:
            where = stacks(process.pid)
            process.kill()
            out, err = process.communicate()
            status = None
            self.check(False, f"{what} hangs: {process.args[:8]} {where}")
        return Result(status, out or b"", err or b"", time.monotonic() - start)

    def scan(self, arguments, timeout=120, limits=None, wrapper=(), **options):
        """Runs it to its end. `limits`: {resource.RLIMIT_…: value}."""
        return self.run([*wrapper, self.fsscan, *arguments], timeout, limits, **options)

    def run(self, command, timeout=120, limits=None, **options):

        def lower():
            for kind, value in (limits or {}).items():
                resource.setrlimit(kind, (value, value))

        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(command, preexec_fn=lower if limits else None, **options)
        return self.finish(process, timeout, f"{[os.fsdecode(a)[:80] for a in command][:12]}")

    # ---- Reading its output

    def report(self, result, what, validated=True):
        """The JSON report; None, and a failure, if it is not valid."""
        try:
            report = deepjson.loads(result.out)
        except ValueError as error:
            self.check(False, f"{what}: no JSON: {error}; {result.shown()}")
            return None
        problems = validate.report_problems(report) if validated else []
        self.check(not problems, f"{what}: {problems[:3]}")
        return report

    def records(self, result, what, sample=100):
        """The NDJSON records; None, and a failure, if they are not valid. Every line is parsed, and the first `sample` and
        the last one validated against the schema, which is slow."""
        lines = result.out.splitlines(keepends=True)
        try:
            problems = validate.records_problems(b"".join(lines if len(lines) <= sample else lines[:sample] + lines[-1:]))
            records = [json.loads(line) for line in lines]
        except ValueError as error:
            self.check(False, f"{what}: no NDJSON: {error}; {result.shown()}")
            return None
        return records if self.check(not problems, f"{what}: {problems[:3]} {result.shown()}") else None


def path_of(record, key="path"):
    return validate.bytes_of(record, key)


def timeless(result):
    """The part of a report that must not depend on time or threads: everything before the timing."""
    return result.out[:result.out.rfind(b'"timing"')]


def stacks(pid):
    """The stacks of the threads of a hanging process."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/syscall") as file:
                found.append(file.read().strip().split(" ")[0])
    except OSError:
        pass
    return found


def is_root():
    return os.geteuid() == 0


@functools.cache
def makes_devices():
    """Whether this process may make device nodes: root, and not in a container that forbids it."""
    with tempfile.TemporaryDirectory() as place:
        try:
            os.mknod(place + "/null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
            return True
        except PermissionError:
            return False


def is_busy():
    """Whether other processes use the processors: then latencies say nothing about the program."""
    return os.getloadavg()[0] > 1.5 * len(os.sched_getaffinity(0))


def in_mount_namespace(script, *arguments, **options):
    """Runs a shell script in its own mount namespace; None where that is not possible."""
    if not is_root() or subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return None
    return subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *arguments], check=False, **options)


def end_with_parent():
    """For a child process: the kernel kills it when its parent ends, for whatever reason."""
    libc.prctl(1, signal.SIGKILL)

