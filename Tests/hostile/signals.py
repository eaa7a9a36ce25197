"""Signals at random moments: a valid report with "complete": false and the right status, soon; pausing and going on."""

import os
import signal
import time

import support

STOPS = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]
# What stays of a scan in each way of writing.
MODES = [
    ["--json"], ["--json", "--hash", "sha256"], ["--json", "--mime"], ["--ndjson"], ["--ndjson", "--hash", "sha256,git"],
    ["--ndjson", "--sorted"], ["--ndjson", "--mime"], ["--json", "--depth", "100"], ["--format", "text"],
]
# Where its report goes. Of a pipe, which is not read before the signal, the time is that of the reader, too.
SINKS = ["-o", "a pipe", "a file", "a file"]
LATEST = 0.2


class Tally:
    def __init__(self):
        # (seconds, what) by kind of sink.
        self.latencies = {sink: [] for sink in SINKS}
        self.early = self.late = self.incomplete = self.text = 0


def run(session):
    tree = make(session)
    stop_at_random_moments(session, tree)
    second_signal(session, tree)
    replaced_or_not(session, tree)
    pause(session, tree)


def make(session):
    """A small tree that is scanned again and again, so that each scan is endless for this test."""
    tree = session.directory()
    for index in range(150):
        place = tree + b"/d%03d" % index
        os.makedirs(place + b"/e")
        for number in range(20):
            with open(place + b"/e/f%d.txt" % number, "wb") as file:
                file.write(b"%d %d\n" % (index, number) * 400)
    with open(tree + b"/large", "wb") as file:
        file.truncate(8 << 30)
    return tree


def stop_at_random_moments(session, tree):
    busy = support.is_busy()
    tally = Tally()
    times = session.times(27, 1000)
    place = session.directory()
    for index in range(times):
        mode = MODES[index % len(MODES)]
        number = session.random.choice(STOPS)
        # A debug build takes its time to begin.
        span = session.random.choice([0.3, 0.6] if session.short else [0.02, 0.1, 0.5])
        delay = span * session.random.random()
        stop_once(session, tree, mode, number, delay, SINKS[index % len(SINKS)], place, tally)
    latencies = sorted(tally.latencies["-o"] + tally.latencies["a file"])
    slowest, which = latencies[-1]
    print("slowest:", *(f"{seconds:.3f} s: {what}" for seconds, what in latencies[-3:]), sep="\n  ")
    shown = (f"median {latencies[len(latencies) // 2][0] * 1000:.0f} ms, slowest {slowest * 1000:.0f} ms into files, "
             f"{max(tally.latencies['a pipe'])[0] * 1000:.0f} ms into a pipe that is read from then on")
    if session.short or busy:
        shown += " (not asserted: " + ("short form)" if session.short else "the machine is busy)")
    else:
        session.check(slowest <= LATEST, f"it ended after {slowest:.3f} s: {which}")
    session.row("SIGHUP, SIGINT or SIGTERM at a random moment: " + ", ".join(" ".join(mode) for mode in MODES),
                f"{times} times",
                f"{tally.incomplete} valid reports with \"complete\": false and {tally.text} text summaries, 128 + signal; "
                f"{tally.late} complete before the signal, {tally.early} before the program had begun (ended by the signal, no output); {shown}")


def stop_once(session, tree, mode, number, delay, sink, place, tally):
    what = f"{mode} {signal.Signals(number).name} after {delay:.4f} s, into {sink}"
    arguments = [*mode, "--no-progress", "--max-read", "16E", "--max-holes", "16E"]
    options = {"stderr": support.subprocess.DEVNULL}
    target = place + b"/report"
    old = b"the old one" if sink == "-o" else b""
    if sink != "a pipe":
        with open(target, "wb") as file:
            file.write(old)
        if sink == "-o":
            arguments += ["-o", target]
        else:
            options["stdout"] = open(target, "wb")
    process = session.start([*arguments, *[tree] * 400], **options)
    if "stdout" in options:
        options["stdout"].close()
    time.sleep(delay)
    start = time.monotonic()
    process.send_signal(number)
    result = session.finish(process, 60, what)
    tally.latencies[sink].append((time.monotonic() - start, what))
    if sink != "a pipe":
        with open(target, "rb") as file:
            result.out = file.read()
        left = os.listdir(place)
        session.check(left == [b"report"], f"{what}: left behind: {left}")
    if result.status == -number:
        # Before the handler was installed: as any program that does not handle it.
        session.check(result.out == old, f"{what}: {result.shown()}")
        tally.early += 1
        return
    session.check(result.status == 128 + number, f"{what}: {result.shown()}")
    if "--format" in mode:
        tally.text += 1
        return
    if "--json" in mode:
        report = session.report(result, what)
        complete = report and report["complete"]
    else:
        records = session.records(result, what)
        complete = records and records[-1]["complete"]
    tally.late += bool(complete)
    tally.incomplete += complete is False


def second_signal(session, tree):
    """Standard output is a pipe that nobody reads: the first signal waits for the reader, the second does not."""
    times = session.times(2, 20)
    for index in range(times):
        number = STOPS[index % 3]
        process = session.start(["--ndjson", *[tree] * 500], stderr=support.subprocess.DEVNULL)
        time.sleep(0.2)
        for _ in range(2):
            process.send_signal(number)
            time.sleep(0.05)
        try:
            status = process.wait(10)
        except support.subprocess.TimeoutExpired:
            status = None
            process.kill()
        process.stdout.close()
        session.check(status in (-number, 128 + number), f"a second {number}: {status}")
    session.row("a second signal while standard output is a full pipe that nobody reads", f"{times} times",
                "ended at once by the signal")


def replaced_or_not(session, tree):
    """SIGKILL, which no program can handle: the old file or the whole new one."""
    times = session.times(10, 200)
    place = session.directory()
    old = b'{"complete": "old"}\n'
    news = 0
    for _ in range(times):
        with open(place + b"/report", "wb") as file:
            file.write(old)
        process = session.start(["--json", "-o", place + b"/report", tree], stderr=support.subprocess.DEVNULL)
        time.sleep(session.random.random() * 0.08)
        process.kill()
        session.finish(process)
        with open(place + b"/report", "rb") as file:
            text = file.read()
        session.check(os.listdir(place) == [b"report"], f"SIGKILL leaves {os.listdir(place)}")
        if text != old:
            news += 1
            session.report(support.Result(0, text, b"", 0), "after SIGKILL")
    session.row("SIGKILL at a random moment with `-o FILE` over an old file", f"{times} times",
                f"{times - news} times the old file as it was, {news} times the whole new one; nothing left behind")


def pause(session, tree):
    """SIGTSTP and SIGCONT, in a process group of its own whose parent is outside it, like a shell's job."""
    times = session.times(4, 60)
    stopped = 0
    plain = session.scan(["--json", "--threads", "2", *[tree] * 60])
    for _ in range(times):
        process = session.start(["--json", "--threads", "2", *[tree] * 60], preexec_fn=lambda: os.setpgid(0, 0))
        time.sleep(session.random.random() * 0.15)
        process.send_signal(signal.SIGTSTP)
        stopped += waits_stopped(process.pid)
        process.send_signal(signal.SIGCONT)
        result = session.finish(process, 120, "a paused scan")
        same = support.timeless(result) == support.timeless(plain)
        session.check(result.status == 0 and same, f"a paused scan: {result.shown()}")
    session.check(stopped, "SIGTSTP never stopped it")
    session.row("SIGTSTP at a random moment, then SIGCONT", f"{times} times",
                f"stopped {stopped} times (else it had ended), then the same report as without")


def waits_stopped(pid):
    """Whether all its threads stop; false if it ends first."""
    for _ in range(2000):
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                state = file.read().rpartition(b")")[2].split()[0]
        except OSError:
            return False
        if state == b"T":
            return True
        if state == b"Z":
            return False
        time.sleep(0.001)
    return False
