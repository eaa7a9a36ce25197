#!/usr/bin/env python3
"""Which of some times `restic forget` keeps, after restic-forget(1) of 0.17 and its manual: prune_policy.py RULES < TIMES

RULES are `last=N,daily=N,weekly=N,monthly=N,label=L`. Each line of TIMES is a number, a time (RFC 3339, UTC) and perhaps a
label. Prints the numbers that stay.
"""

import datetime
import sys

PERIODS = {
    "last": lambda number, time: number,
    "daily": lambda number, time: time.date(),
    "weekly": lambda number, time: time.isocalendar()[:2],
    "monthly": lambda number, time: (time.year, time.month),
}


def main():
    rules = [rule.split("=") for rule in sys.argv[1].split(",")]
    scans = []
    for line in sys.stdin:
        number, time, *label = line.split()
        scans.append((datetime.datetime.fromisoformat(time[:19]), int(number), label))
    # Of each day, week or month that has one the most recent is kept.
    scans.sort(reverse=True)
    kept = set()
    for name, value in rules:
        if name == "label":
            kept |= {number for _, number, label in scans if label == [value]}
            continue
        seen = []
        for time, number, _ in scans:
            period = PERIODS[name](number, time)
            if period not in seen and len(seen) < int(value):
                seen.append(period)
                kept.add(number)
        # Where there are not enough of them, the oldest of all is kept additionally.
        if scans and 0 < len(seen) < int(value):
            kept.add(scans[-1][1])
    print("\n".join(str(number) for number in sorted(kept)))


main()
