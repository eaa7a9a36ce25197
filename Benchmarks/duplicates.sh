#!/usr/bin/env bash
# `make bench-duplicates`: files of one content, beside jdupes, fdupes, rdfind and rmlint. Warm; results are compared
# first.
#
# Variables beside those of support/common.sh: SOURCE (/usr/share), which is copied twice; PAIRS (4) of 256 MiB each.

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

SOURCE=${SOURCE:-/usr/share}
PAIRS=${PAIRS:-4}

require_fsscan
require hyperfine jdupes

twice=$TREES/duplicates-twice
if [[ ! -e $twice.made ]]; then
    rm -rf "$twice" && mkdir -p "$twice"
    # Without hard links, which each of these programs counts differently, and without unreadable files.
    for copy in one two; do cp -r --no-preserve=links,mode "$SOURCE" "$twice/$copy" 2>/dev/null || true; done
    touch "$twice.made"
fi
pairs=$TREES/duplicates-pairs
if [[ ! -e $pairs.$PAIRS ]]; then
    rm -rf "$pairs" && mkdir -p "$pairs"
    for ((pair = 0; pair < PAIRS; pair++)); do
        head -c 268435456 /dev/urandom >"$pairs/$pair.a"
        cp "$pairs/$pair.a" "$pairs/$pair.b"
    done
    touch "$pairs.$PAIRS"
fi

# If the groups differ, the times mean nothing.
agree() {
    python3 "$benchmarks/support/duplicate_groups.py" "$FSSCAN" "$1" || fail "$1: the programs find other groups"
}

compare() {
    local result=$1 tree=$2
    say "$result: $(agree "$tree")"
    contender "fsscan" "$FSSCAN duplicates --threads $THREADS --json -o /dev/null $tree"
    contender "fsscan --hash sha256" "$FSSCAN duplicates --threads $THREADS --hash sha256 --json -o /dev/null $tree"
    contender "fsscan --compare" "$FSSCAN duplicates --threads $THREADS --compare --json -o /dev/null $tree"
    contender "jdupes" "jdupes -q -r $tree"
    contender "fdupes" "fdupes -q -n -r $tree"
    contender "rdfind" "rdfind -dryrun true -makeresultsfile false $tree"
    contender "rmlint" "rmlint -T df --hidden --no-with-color -o json:/dev/null -t $THREADS $tree"
    warm "$tree"
    measure "$result"
}

compare duplicates-twice "$twice"
compare duplicates-pairs "$pairs"

report duplicates \
    --result duplicates-twice --ratio fsscan --result duplicates-pairs --ratio fsscan \
    --target "$SOURCE twice: a third of the fastest of the others" \
    't("duplicates-twice", "fsscan") / fastest("duplicates-twice", "jdupes", "fdupes", "rdfind", "rmlint")' "<= 0.34"
