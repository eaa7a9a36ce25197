#!/usr/bin/env bash
# `make bench-browse`: a tree in a terminal and as a page: `fsscan browse` beside ncdu and gdu, live; `fsscan --json` of
# the same tree; saved scans; a directory of many files; keys while a large tree is scanned; the page of `--html`.
#
# Variables beside those of support/common.sh: ENTRIES (1000000), WIDE_FILES (2000000), LARGE_ENTRIES (5000000; 0 leaves
# it out). One tree exists at a time. TREES on a tmpfs needs 7 GB for the largest, and `nr_inodes=0`.

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

ENTRIES=${ENTRIES:-1000000}
WIDE_FILES=${WIDE_FILES:-2000000}
LARGE_ENTRIES=${LARGE_ENTRIES:-5000000}

require_fsscan
support=$benchmarks/support
report=$results/browse.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The row of a program without a terminal: its time.
json_row() {
    local seconds=() run
    for ((run = 0; run < RUNS; run++)); do
        seconds+=("$("$FSSCAN" --threads "$THREADS" --json "$1" |
            python3 -c 'import json, sys; print(json.load(sys.stdin)["timing"]["elapsed_seconds"])')")
    done
    printf '%s\n' "${seconds[@]}" | sort -n | awk '{ all[NR] = $1 }
        END { printf "| fsscan --json | | | %.2f | |\n", all[int((NR + 1) / 2)] }'
}

many() {
    local tree seen programs totals="disk usage: |Apparent size: |Sorting by: "
    tree=$(make_tree "browse-$ENTRIES" small-dirs "$ENTRIES")
    seen=$(check_agreement "$tree")
    programs=("fsscan browse" "q quit" "$FSSCAN browse --threads $THREADS $tree")
    ! have ncdu || programs+=("$(ncdu --version | head -n 1)" "$totals" "ncdu $tree")
    ! have gdu || programs+=("gdu $(gdu --version | awk '/^Version/ { print $2 }')" "$totals" "gdu $tree")
    echo "**$seen entries, warm, $THREADS threads, $RUNS runs of each in turn, medians; largest memory**"
    echo
    "$FSSCAN" --threads "$THREADS" --json -o /dev/null "$tree"
    python3 "$support/terminal.py" --runs "$RUNS" "${programs[@]}"
    json_row "$tree"

    echo
    echo "**The same tree, saved: \`browse SAVED\`**"
    echo
    "$FSSCAN" --save "$work/saved.db" "$tree" >"$work/none" 2>&1
    python3 "$support/terminal.py" --runs "$RUNS" "fsscan browse SAVED" "q quit" "$FSSCAN browse $work/saved.db"

    echo
    echo "**The same tree, as a page, beside --json; \`CPU\` with that of both threads**"
    echo
    python3 "$support/paired.py" --runs "$RUNS" \
        "fsscan --json" "$FSSCAN --threads $THREADS --json -o /dev/null $tree" \
        "fsscan --html" "$FSSCAN --threads $THREADS --html -o $work/page.html $tree"
    echo
    echo "The page has $(stat -c %s "$work/page.html") bytes."
    remove_tree "browse-$ENTRIES"
}

wide() {
    local tree
    tree=$(make_tree browse-wide wide "$WIDE_FILES")
    # Without the file that describes it beside it: the first line is to be the directory.
    mkdir -p "$TREES/browse-above"
    mv "$tree" "$TREES/browse-above/files"
    echo
    echo "**A directory of $WIDE_FILES files: scanned from the one above, then entered**"
    echo
    python3 "$support/terminal.py" --runs 1 --press l "fsscan browse" "q quit" \
        "$FSSCAN browse --threads $THREADS $TREES/browse-above"
    mv "$TREES/browse-above/files" "$tree"
    rmdir "$TREES/browse-above"
    remove_tree browse-wide
}

large() {
    local tree waits
    tree=$(make_tree "browse-$LARGE_ENTRIES" small-dirs "$LARGE_ENTRIES")
    read -r -a waits <<<"$(python3 "$support/terminal.py" --keys "$FSSCAN browse --threads $THREADS $tree")"
    echo
    echo "**Keys while $LARGE_ENTRIES entries are scanned**, pressed at random moments: ${waits[0]} keys, answered after" \
        "${waits[1]} ms (median), ${waits[2]} ms (longest; ${waits[3]} ms of it waiting for a processor)." \
        "The most processor time of the thread that answers: ${waits[4]} ms for a key."
    remove_tree "browse-$LARGE_ENTRIES"
}

{
    echo "### A tree in the terminal"
    echo
    many
    wide
    [[ $LARGE_ENTRIES == 0 ]] || large
} | tee "$report"
