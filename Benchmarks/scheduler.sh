#!/usr/bin/env bash
# `make bench-scheduler`: half a million empty actors and tasks beside goroutines, asyncio, uvloop and gevent; then the
# workloads where stealing matters, beside Go, oneTBB and tokio.
#
# Builds the programs and lets scheduler/compare.py and compare_workloads.py run them in turn. Missing programs are left
# out, and the targets that need them are "not measured". tokio is built from Debian's crates, offline. Variables: COUNT
# (500000), RUNS (9), WORKLOAD_RUNS (5), THREAD_COUNTS (1 2; of the workloads), SIZES (fib=30 …).

runs=${RUNS:-9}
# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

require swift python3
swift build --package-path "$benchmarks" -c release >&2
programs=$(swift build --package-path "$benchmarks" -c release --show-bin-path)
arguments=(--swift "$programs/SchedulerBench")
workloads=(--swift "$programs/WorkloadBench")

# newer PROGRAM SOURCE: the program need not be built.
newer() { [[ $tools/$1 -nt $benchmarks/scheduler/$2 ]]; }

if have go; then
    for name in goroutines workloads; do
        { newer "$name-go" "$name.go" && newer "$name-go" peak.go; } ||
            go build -o "$tools/$name-go" "$benchmarks/scheduler/$name.go" "$benchmarks/scheduler/peak.go"
    done
    arguments+=(--go "$tools/goroutines-go")
    workloads+=(--go "$tools/workloads-go")
else
    say "left out, not installed: go"
fi

if newer workloads-tbb workloads.cpp ||
    "${CXX:-c++}" -O2 -std=c++17 -Wall -Wextra -o "$tools/workloads-tbb" "$benchmarks/scheduler/workloads.cpp" -ltbb; then
    workloads+=(--tbb "$tools/workloads-tbb")
else
    say "left out, could not be built: oneTBB (libtbb-dev and g++ are needed)"
fi

crates=/usr/share/cargo/registry
if have cargo && compgen -G "$crates/tokio-[0-9]*" >/dev/null &&
    (cd "$benchmarks/scheduler/tokio" && cargo build --quiet --release --offline --target-dir "$tools/tokio" \
        --config 'source.crates-io.replace-with="debian"' --config "source.debian.directory=\"$crates\"") >&2; then
    workloads+=(--tokio "$tools/tokio/release/workloads")
else
    say "left out, could not be built: tokio (librust-tokio-dev and cargo are needed)"
fi

# The rivals' own packages, from PyPI, in a virtual environment beside this script.
venv=$benchmarks/.venv
if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c 'import gevent, uvloop' 2>/dev/null; then
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet gevent uvloop >&2; } || say "no gevent, no uvloop"
fi
if "$venv/bin/python" -c 'import gevent, uvloop' 2>/dev/null; then
    arguments+=(--python "$venv/bin/python")
    workloads+=(--python "$venv/bin/python")
else
    say "left out, could not be installed: asyncio, uvloop and gevent (python3-venv and PyPI are needed)"
fi

# `report` runs support/bench.py; this benchmark has a driver of its own.
python3 "$benchmarks/scheduler/compare.py" "${arguments[@]}" --count "${COUNT:-500000}" --runs "$runs" |
    tee "$results/scheduler.md"

size_options=()
for size in ${SIZES:-}; do size_options+=(--size "$size"); done
# shellcheck disable=SC2086
python3 "$benchmarks/scheduler/compare_workloads.py" "${workloads[@]}" --runs "${WORKLOAD_RUNS:-5}" \
    --threads ${THREAD_COUNTS:-1 2} ${size_options[@]+"${size_options[@]}"} | tee "$results/workloads.md"
# shellcheck disable=SC2086
python3 "$benchmarks/scheduler/compare_workloads.py" --swift "$programs/WorkloadBench" --ablation \
    --runs "${WORKLOAD_RUNS:-5}" --threads ${THREAD_COUNTS:-1 2} ${size_options[@]+"${size_options[@]}"} |
    tee "$results/ablation.md"
