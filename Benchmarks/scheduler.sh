#!/usr/bin/env bash
# `make bench-scheduler`: half a million empty actors and tasks beside goroutines, asyncio, uvloop and gevent.
#
# Builds the four kinds of program and lets scheduler/compare.py run them in turn. Go and the Python packages may be
# missing: their rows are then left out, and the targets that need them are "not measured".
# Variables: COUNT (500000), RUNS (9).

runs=${RUNS:-9}
# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

require swift python3
swift build --package-path "$benchmarks" -c release --product SchedulerBench >&2
arguments=(--swift "$(swift build --package-path "$benchmarks" -c release --show-bin-path)/SchedulerBench")

if have go; then
    [[ $tools/goroutines -nt $benchmarks/scheduler/goroutines.go ]] ||
        go build -o "$tools/goroutines" "$benchmarks/scheduler/goroutines.go"
    arguments+=(--go "$tools/goroutines")
else
    say "left out, not installed: go"
fi

# The rivals' own packages, from PyPI, in a virtual environment beside this script.
venv=$benchmarks/.venv
if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c 'import gevent, uvloop' 2>/dev/null; then
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet gevent uvloop >&2; } || say "no gevent, no uvloop"
fi
if "$venv/bin/python" -c 'import gevent, uvloop' 2>/dev/null; then
    arguments+=(--python "$venv/bin/python")
else
    say "left out, could not be installed: asyncio, uvloop and gevent (python3-venv and PyPI are needed)"
fi

# `report` runs support/bench.py; this benchmark has a driver of its own.
python3 "$benchmarks/scheduler/compare.py" "${arguments[@]}" --count "${COUNT:-500000}" --runs "$runs" |
    tee "$results/scheduler.md"
