#!/usr/bin/env bash
# `make bench-mpi`: two processes of one worker each beside one process of two, warm, on this machine.
#
# It compares the time of the scan itself, as given in the report: starting MPI takes a quarter of a second, once. The
# two take turns, so that other load of the machine affects both. Variables beside those of support/common.sh: ENTRIES
# (250000), RUNS (11).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

ENTRIES=${ENTRIES:-250000}
RUNS=${RUNS:-11}
MPI=${MPI:-$(dirname "$FSSCAN")/fsscan-mpi}

require_fsscan
require mpirun jq
[[ -x $MPI ]] || fail "$MPI is missing: make mpi"

tree=$(make_tree "mpi-$ENTRIES" small-dirs "$ENTRIES")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=()
[[ $EUID -ne 0 ]] || root=(--allow-run-as-root)

one() { "$FSSCAN" --threads 2 --json -o "$scratch/one.json" "$tree"; }
two() {
    mpirun "${root[@]}" --oversubscribe --bind-to none -n 2 "$MPI" --threads 1 --stats --json -o "$scratch/two.json" "$tree" \
        2>"$scratch/noise" || { cat "$scratch/noise" >&2; exit 1; }
}
seconds() { jq .timing.elapsed_seconds "$scratch/$1.json"; }

one && two
for report in one two; do sed '/"timing": {/,$d' "$scratch/$report.json" >"$scratch/$report.cut"; done
cmp "$scratch/one.cut" "$scratch/two.cut" || fail "the reports differ"
for ((run = 1; run <= RUNS; run++)); do
    one && two
    printf '%s %s\n' "$(seconds one)" "$(seconds two)" >>"$scratch/times"
done

# The median of the ratios, each of two runs side by side.
awk '{ print $2 / $1 }' "$scratch/times" | sort -g | awk -v entries="$ENTRIES" '
    { ratio[NR] = $1 }
    END {
        printf "2 ranks x 1 thread / fsscan --threads 2, %d entries: %.2f (%.2f to %.2f)\n", entries,
            ratio[int((NR + 1) / 2)], ratio[1], ratio[NR]
    }'
# One line for each rank of the last run.
grep -a -o 'rank [0-9]*: .*' "$scratch/noise"
