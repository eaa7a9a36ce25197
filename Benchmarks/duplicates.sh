#!/usr/bin/env bash
# `make bench-duplicates`: files of one content, beside jdupes, fdupes, rdfind and rmlint: warm, and on a disk of which
# every answer takes 1 ms. Results are compared first.
#
# Variables beside those of support/common.sh: SOURCE (/usr/share), which is copied twice; PAIRS (4) of 256 MiB each;
# DELAYED (4000) files of which 1 % are there twice; OTHERS (jdupes fdupes rdfind rmlint).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

SOURCE=${SOURCE:-/usr/share}
PAIRS=${PAIRS:-4}
DELAYED=${DELAYED:-4000}
OTHERS=${OTHERS:-jdupes fdupes rdfind rmlint}
# shellcheck source-path=SCRIPTDIR source=support/delay.sh
source "$benchmarks/support/delay.sh"

require_fsscan
require hyperfine jdupes
require_fuse bench-duplicates

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

contend() {
    local tree=$1 other
    contender "fsscan" "$FSSCAN duplicates --threads $THREADS --json -o /dev/null $tree"
    contender "fsscan --hash sha256" "$FSSCAN duplicates --threads $THREADS --hash sha256 --json -o /dev/null $tree"
    contender "fsscan --compare" "$FSSCAN duplicates --threads $THREADS --compare --json -o /dev/null $tree"
    for other in $OTHERS; do
        case $other in
            jdupes) contender "jdupes" "jdupes -q -r $tree" ;;
            fdupes) contender "fdupes" "fdupes -q -n -r $tree" ;;
            rdfind) contender "rdfind" "rdfind -dryrun true -makeresultsfile false $tree" ;;
            rmlint) contender "rmlint" "rmlint -T df --hidden --no-with-color -o json:/dev/null -t $THREADS $tree" ;;
        esac
    done
}

compare() {
    local result=$1 tree=$2
    say "$result: $(agree "$tree")"
    contend "$tree"
    warm "$tree"
    measure "$result"
}

compare duplicates-twice "$twice"
compare duplicates-pairs "$pairs"

# Of one size, so that each has to be opened: 16 KiB, 20 in a directory.
delayed=$(make_tree "duplicates-$DELAYED" files "$DELAYED" 16384 16384 20)
if [[ ! -e $delayed.copied ]]; then
    mkdir "$delayed/copies"
    find "$delayed" -type f | sort | awk 'NR % 100 == 0' | while read -r file; do
        cp "$file" "$delayed/copies/$(basename "$(dirname "$file")")-$(basename "$file")"
    done
    touch "$delayed.copied"
fi
trap stop_delay EXIT
say "duplicates-delayed: $(agree "$delayed")"
start_delay "$delayed" 1
contend "$delay_mount"
ROUNDS=1 RUNS=1 WARMUP=0 measure duplicates-delayed
stop_delay

report duplicates \
    --ratio fsscan --result duplicates-twice --result duplicates-pairs --result duplicates-delayed \
    --target "$SOURCE twice: a third of the fastest of the others" \
    't("duplicates-twice", "fsscan") / fastest("duplicates-twice", "jdupes", "fdupes", "rdfind", "rmlint")' "<= 0.34" \
    --target "$DELAYED files, each answer after 1 ms: a tenth of the fastest of the others" \
    't("duplicates-delayed", "fsscan") / fastest("duplicates-delayed", "jdupes", "fdupes", "rdfind", "rmlint")' "<= 0.1"
