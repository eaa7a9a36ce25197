#!/usr/bin/env python3
"""Runs fsscan on hostile trees, and prints a table of the cases, their number, and the results.

    hostile.py [--short] [--only SECTION,...] [--table FILE] FSSCAN

`make test` runs the short form, `make stress` the long one. The long form takes about STRESS_SECONDS (default 900).
STRESS_SEED repeats a run: the seed is printed at the start. Exit status 1 if anything went wrong.
"""

import argparse
import importlib
import os
import signal
import sys
import time

import support

SECTIONS = ["names", "size", "strange", "output", "signals", "races"]


def main():
    parser = argparse.ArgumentParser(description="Torments fsscan.")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--table", help="append the table to this file")
    parser.add_argument("fsscan")
    options = parser.parse_args()

    # Ignored ones (nohup, a background job) would stay ignored in the program.
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seed = os.environ.get("STRESS_SEED") or ("1" if options.short else str(time.time_ns() % 1_000_000))
    scale = float(os.environ.get("STRESS_SECONDS", "900")) / 900
    print(f"STRESS_SEED={seed}", flush=True)
    session = support.Session(options.fsscan, options.short, scale, seed)
    for section in options.only.split(","):
        session.begin(section)
        start = time.monotonic()
        try:
            importlib.import_module(section).run(session)
        finally:
            session.clean()
        print(f"{section}: {time.monotonic() - start:.0f} s, {len(session.failures)} failures so far", flush=True)

    table = "| | what was tried | how often | what happened |\n| --- | --- | --- | --- |\n"
    for row in session.rows:
        table += "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n"
    if options.table:
        with open(options.table, "a") as file:
            file.write(table)
    if not options.short:
        print(table)
    for failure in session.failures[:50]:
        print("FAILED " + failure, file=sys.stderr)
    return 1 if session.failures else 0


if __name__ == "__main__":
    sys.exit(main())
