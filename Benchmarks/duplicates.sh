#!/usr/bin/env bash
# `make bench-duplicates`: files of one content, beside jdupes, fdupes, rdfind and rmlint: warm, cold (as root), large
# files, a million files, and a disk that takes 1 ms for every answer. Results are compared first. About 15 minutes, and
# 8 GB in TREES.
#
# The first of OTHERS (jdupes fdupes rdfind rmlint) runs in turn with fsscan; the others, which take several times as
# long, run once each, and not at all on MANY files.
#
# Variables beside those of support/common.sh: SOURCE (/usr/share), which is copied twice; PAIRS (8) of 256 MiB each;
# MANY (1000000) files of 1 to 8192 bytes and DELAYED (2000) files of which 1 % are there twice; PARTS (twice cold pairs
# many delayed).

ROUNDS=${ROUNDS:-3} RUNS=${RUNS:-2}
# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

SOURCE=${SOURCE:-/usr/share}
PAIRS=${PAIRS:-8}
MANY=${MANY:-1000000}
DELAYED=${DELAYED:-2000}
OTHERS=${OTHERS:-jdupes fdupes rdfind rmlint}
PARTS=" ${PARTS:-twice cold pairs many delayed} "
# shellcheck source-path=SCRIPTDIR source=support/delay.sh
source "$benchmarks/support/delay.sh"

require_fsscan
require hyperfine jdupes
require_fuse bench-duplicates

# If the groups differ, the times mean nothing.
agree() {
    say "$1: $(python3 "$benchmarks/support/duplicate_groups.py" "$FSSCAN" "$1")" || fail "$1: other groups"
}

contend_fsscan() {
    local tree=$1 way
    for way in "" "--hash sha256" "--compare"; do
        contender "fsscan${way:+ $way}" "$FSSCAN duplicates --threads $THREADS $way --json -o /dev/null $tree"
    done
}

contend_others() {
    local tree=$1 other
    shift
    for other in "$@"; do
        case $other in
            jdupes) contender "jdupes" "jdupes -q -r $tree" ;;
            fdupes) contender "fdupes" "fdupes -q -n -r $tree" ;;
            rdfind) contender "rdfind" "rdfind -dryrun true -makeresultsfile false $tree" ;;
            rmlint) contender "rmlint" "rmlint -T df --hidden --no-with-color -o json:stdout -t $THREADS $tree" ;;
        esac
    done
}

first=${OTHERS%% *}
# shellcheck disable=SC2206
rest=(${OTHERS#"$first"})
shown=()

# compare RESULT TREE: fsscan and the first of the others in turn, then the rest of them once.
compare() {
    local result=$1 tree=$2
    contend_fsscan "$tree"
    contend_others "$tree" "$first"
    measure "$result"
    contend_others "$tree" "${rest[@]}"
    ((${#contenders[@]} == 0)) || ROUNDS=1 RUNS=1 WARMUP=0 PEAKS=0 measure "$result-others"
    shown+=(--result "$result" --result "$result-others")
}

# fastest_other RESULT: an expression for `report`.
fastest_other() { echo "fastest('$1', 'jdupes', 'fdupes', 'rdfind', 'rmlint')"; }

# copy_some TREE: copies one file in a hundred of TREE into TREE/copies.
copy_some() {
    [[ ! -e $1.copied ]] || return 0
    rm -rf "$1/copies" && mkdir "$1/copies"
    find "$1" -path "$1/copies" -prune -o -type f -print | sort | awk 'NR % 100 == 0 { print; print NR }' |
        xargs -n 2 sh -c 'cp "$1" "$0/copies/$2"' "$1"
    touch "$1.copied"
}

part() { [[ $PARTS == *" $1 "* ]]; }

if part twice || part cold; then
    twice=$TREES/duplicates-twice
    if [[ ! -e $twice.made ]]; then
        say "copying $SOURCE twice"
        rm -rf "$twice" && mkdir -p "$twice"
        # Without hard links, which each of these programs counts differently, and without unreadable files.
        for copy in one two; do cp -r --no-preserve=links,mode "$SOURCE" "$twice/$copy" 2>/dev/null || true; done
        touch "$twice.made"
    fi
fi
if part twice; then
    warm "$twice"
    agree "$twice"
    compare duplicates-twice "$twice"
fi
if part cold && [[ $EUID -eq 0 ]]; then
    contender "fsscan" "$FSSCAN duplicates --threads $THREADS --json -o /dev/null $twice"
    contend_others "$twice" "$first"
    PREPARE="$benchmarks/support/drop-caches.sh $FSSCAN $first" ROUNDS=2 RUNS=1 WARMUP=0 PEAKS=0 measure duplicates-cold
    contend_others "$twice" "${rest[@]}"
    PREPARE="$benchmarks/support/drop-caches.sh ${rest[*]}" ROUNDS=1 RUNS=1 WARMUP=0 PEAKS=0 measure duplicates-cold-others
    shown+=(--result duplicates-cold --result duplicates-cold-others)
fi

if part pairs; then
    pairs=$TREES/duplicates-pairs
    if [[ ! -e $pairs.$PAIRS ]]; then
        say "writing $PAIRS pairs of 256 MiB"
        rm -rf "$pairs" "$pairs".* && mkdir -p "$pairs"
        for ((pair = 0; pair < PAIRS; pair++)); do
            head -c 268435456 /dev/urandom >"$pairs/$pair.a"
            cp "$pairs/$pair.a" "$pairs/$pair.b"
        done
        touch "$pairs.$PAIRS"
    fi
    warm "$pairs"
    agree "$pairs"
    contender "xxhsum -H2, $THREADS processes" \
        "sh -c \"find '$pairs' -type f -print0 | xargs -0 -P$THREADS -n1 xxhsum -q -H2\""
    compare duplicates-pairs "$pairs"
fi

if part many; then
    many=$(make_tree "duplicates-many-$MANY" files "$MANY" 1 8192 100)
    copy_some "$many"
    contender "fsscan" "$FSSCAN duplicates --threads $THREADS --json -o /dev/null $many"
    contend_others "$many" "$first"
    warm "$many"
    ROUNDS=1 RUNS=1 WARMUP=0 measure duplicates-many
    shown+=(--result duplicates-many)
fi

if part delayed; then
    # Of one size, so that each has to be opened: 16 KiB, 20 in a directory.
    delayed=$(make_tree "duplicates-$DELAYED" files "$DELAYED" 16384 16384 20)
    copy_some "$delayed"
    agree "$delayed"
    trap stop_delay EXIT
    start_delay "$delayed" 1
    ROUNDS=1 RUNS=1 WARMUP=0 PEAKS=0 compare duplicates-delayed "$delay_mount"
    stop_delay
fi

report duplicates \
    --ratio fsscan "${shown[@]}" \
    --target "$SOURCE twice: a third of the fastest of the others" \
    "t('duplicates-twice', 'fsscan') / $(fastest_other duplicates-twice)" "<= 0.34" \
    --target "$SOURCE twice, cold: half of the fastest of the others" \
    "t('duplicates-cold', 'fsscan') / $(fastest_other duplicates-cold)" "<= 0.5" \
    --target "$DELAYED files, each answer after 1 ms: a tenth of the fastest of the others" \
    "t('duplicates-delayed', 'fsscan') / $(fastest_other duplicates-delayed)" "<= 0.1" \
    --target "pairs of 256 MiB: speed of xxhsum -H2 on $THREADS processors" \
    "t('duplicates-pairs', 'xxhsum -H2, $THREADS processes') / t('duplicates-pairs', 'fsscan')" ">= 0.9" \
    --target "$MANY files: peak memory, MiB" 'peak("duplicates-many", "fsscan")' "<= 64"
