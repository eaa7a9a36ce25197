#!/usr/bin/env bash
# `make bench-browse`: a tree in a terminal: `fsscan browse` beside ncdu and gdu, live, and `fsscan --json` of the same tree.
#
# Variables beside those of support/common.sh: ENTRIES (1000000).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

ENTRIES=${ENTRIES:-1000000}

require_fsscan
tree=$(make_tree "browse-$ENTRIES" small-dirs "$ENTRIES")
seen=$(check_agreement "$tree")

programs=("fsscan browse" "q quit" "$FSSCAN browse --threads $THREADS $tree")
! have ncdu || programs+=("$(ncdu --version | head -n 1)" "Total disk usage" "ncdu $tree")
! have gdu || programs+=("gdu $(gdu --version | awk '/^Version/ { print $2 }')" "Total disk usage" "gdu $tree")

report=$results/browse.md
{
    echo "### A tree in the terminal"
    echo
    echo "**$seen entries, warm, $THREADS threads, $RUNS runs of each in turn, medians; largest memory**"
    echo
    "$FSSCAN" --threads "$THREADS" --json -o /dev/null "$tree"
    python3 "$benchmarks/support/terminal.py" --runs "$RUNS" "${programs[@]}"
    seconds=()
    for ((run = 0; run < RUNS; run++)); do
        seconds+=("$("$FSSCAN" --threads "$THREADS" --json "$tree" |
            python3 -c 'import json, sys; print(json.load(sys.stdin)["timing"]["elapsed_seconds"])')")
    done
    printf '%s\n' "${seconds[@]}" | sort -n | awk '{ all[NR] = $1 }
        END { printf "| fsscan --json | | | %.2f | |\n", all[int((NR + 1) / 2)] }'
} | tee "$report"
