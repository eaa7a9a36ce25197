#!/usr/bin/env bash
# `make bench-duplicates`: files of one content, beside jdupes, fdupes, rdfind and rmlint: warm, cold (as root), large
# files, a million files, and a disk that takes 1 ms for every answer. Results are compared first.
#
# Variables beside those of support/common.sh: SOURCE (/usr/share), which is copied twice; PAIRS (8) of 256 MiB each;
# MANY (1000000) files of 1 to 8192 bytes and DELAYED (4000) files of which 1 % are there twice; OTHERS (jdupes fdupes
# rdfind rmlint), of which only the first runs on MANY files.

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

SOURCE=${SOURCE:-/usr/share}
PAIRS=${PAIRS:-8}
MANY=${MANY:-1000000}
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
            rmlint) contender "rmlint" "rmlint -T df --hidden --no-with-color -o json:stdout -t $THREADS $tree" ;;
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

# copy_some TREE: copies one file in a hundred of TREE into TREE/copies.
copy_some() {
    [[ ! -e $1.copied ]] || return 0
    rm -rf "$1/copies" && mkdir "$1/copies"
    find "$1" -path "$1/copies" -prune -o -type f -print | sort | awk 'NR % 100 == 0 { print; print NR }' |
        xargs -n 2 sh -c 'cp "$1" "$0/copies/$2"' "$1"
    touch "$1.copied"
}

cold=()
compare duplicates-twice "$twice"
if [[ $EUID -eq 0 ]]; then
    contend "$twice"
    PREPARE="$benchmarks/support/drop-caches.sh $FSSCAN $OTHERS" ROUNDS=1 RUNS=3 WARMUP=0 measure duplicates-cold
    cold=(--result duplicates-cold --target "$SOURCE twice, cold: half of the fastest of the others"
        't("duplicates-cold", "fsscan") / fastest("duplicates-cold", "jdupes", "fdupes", "rdfind", "rmlint")' "<= 0.5")
fi

say "duplicates-pairs: $(agree "$pairs")"
contend "$pairs"
contender "xxhsum -H2, $THREADS processes" "sh -c \"find '$pairs' -type f -print0 | xargs -0 -P$THREADS -n1 xxhsum -q -H2\""
warm "$pairs"
measure duplicates-pairs

many=$(make_tree "duplicates-many-$MANY" files "$MANY" 1 8192 100)
copy_some "$many"
OTHERS=${OTHERS%% *} contend "$many"
warm "$many"
ROUNDS=1 RUNS=1 WARMUP=0 measure duplicates-many

# Of one size, so that each has to be opened: 16 KiB, 20 in a directory.
delayed=$(make_tree "duplicates-$DELAYED" files "$DELAYED" 16384 16384 20)
copy_some "$delayed"
trap stop_delay EXIT
say "duplicates-delayed: $(agree "$delayed")"
start_delay "$delayed" 1
contend "$delay_mount"
ROUNDS=1 RUNS=1 WARMUP=0 measure duplicates-delayed
stop_delay

report duplicates \
    --ratio fsscan --result duplicates-twice "${cold[@]}" --result duplicates-pairs --result duplicates-many \
    --result duplicates-delayed \
    --target "$SOURCE twice: a third of the fastest of the others" \
    't("duplicates-twice", "fsscan") / fastest("duplicates-twice", "jdupes", "fdupes", "rdfind", "rmlint")' "<= 0.34" \
    --target "$DELAYED files, each answer after 1 ms: a tenth of the fastest of the others" \
    't("duplicates-delayed", "fsscan") / fastest("duplicates-delayed", "jdupes", "fdupes", "rdfind", "rmlint")' "<= 0.1" \
    --target "pairs of 256 MiB: speed of xxhsum -H2 on $THREADS processors" \
    "t('duplicates-pairs', 'xxhsum -H2, $THREADS processes') / t('duplicates-pairs', 'fsscan')" ">= 0.9" \
    --target "$MANY files: peak memory, MiB" 'peak("duplicates-many", "fsscan")' "<= 64"
