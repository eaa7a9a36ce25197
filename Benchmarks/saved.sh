#!/usr/bin/env bash
# `make bench-saved`: files of saved scans: `--save` beside `--ndjson`, many scans of a tree that changes, and what is asked
# of them.
#
# Variables beside those of support/common.sh: ENTRIES (250000), SCANS (50): how many scans, with one file of a hundred
# written again before each.

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

ENTRIES=${ENTRIES:-250000}
SCANS=${SCANS:-50}

require_fsscan
# Its files are written to, so no other benchmark gets this tree.
name=saved-$ENTRIES-$$
tree=$(make_tree "$name" small-dirs "$ENTRIES")
trap 'remove_tree "$name"' EXIT
{
    echo "### Saved scans"
    echo
    python3 "$benchmarks/support/saved.py" "$FSSCAN" "$tree" --threads "$THREADS" --runs "$RUNS" --scans "$SCANS"
} | tee "$results/saved.md"
