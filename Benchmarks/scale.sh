#!/usr/bin/env bash
# `make bench-scale`: time for each entry and peak memory from 10,000 to 5,000,000 entries, on a deep chain, on one huge
# directory, and the start-up on nothing at all: fsscan, find and the C floor. And the memory that records need.
#
# Trees lie on a tmpfs, so that a disk plays no part. Five million entries need some 6 GB of memory. As root the script
# makes a tmpfs of its own, without a limit on inodes, in a mount namespace that goes away with it; as an ordinary user
# (or root without the right to mount) it uses /dev/shm and leaves out what does not fit.
# Variables beside those of support/common.sh: SIZES (10000 100000 1000000 5000000), DEPTH (20000), WIDE (2000000),
# RECORDS (1000000: the size at which records are measured too), MANY (14000000: beside du, fd and bfs, with records
# and saved scans; needs 21 GB of memory; 0: left out).

if [[ -z ${SCALE_NAMESPACE:-} ]] && unshare --mount true 2>/dev/null; then
    SCALE_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
fi
TREES=/dev/shm/fsscan-bench
if [[ -n ${SCALE_NAMESPACE:-} ]]; then
    mkdir -p "$TREES"
    mount -t tmpfs -o nr_inodes=0,size=90% fsscan-bench "$TREES"
fi
# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

SIZES=${SIZES:-10000 100000 1000000 5000000}
DEPTH=${DEPTH:-20000}
WIDE=${WIDE:-2000000}
RECORDS=${RECORDS:-1000000}
MANY=${MANY:-14000000}

require_fsscan
require hyperfine python3
build_tool floor

# fits ENTRIES: whether so many can be made: about 1.2 KiB of kernel memory each (inode, name, directory entry), and an
# inode each where they are limited.
fits() {
    local available inodes
    available=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
    inodes=$(stat --file-system --format '%c %d' "$TREES" | awk '{ print $1 == 0 ? 1e18 : $2 }')
    awk -v entries="$1" -v available="$available" -v inodes="$inodes" \
        'BEGIN { exit !(entries * 1.5 < available && entries < inodes) }'
}

# saw RESULT NAME ENTRIES EXPECTED: notes it if a contender passes over a part of the tree and says nothing.
saw() { [[ $3 == "$4" ]] || fault "$1" "$2" "saw ${3:-none} of $4 entries"; }

results_made=()

# scale RESULT LABEL ENTRIES SHAPE NUMBER...: makes the tree, measures, removes it again (the next one needs the room).
scale() {
    local name=$1 result=scale-$1 label=$2 entries=$3 tree seen saved
    shift 3
    if ! fits "$entries"; then
        say "left out, does not fit into memory: $label"
        return
    fi
    no_facts "$result"
    say "$result: making the tree"
    tree=$(make_tree "$result" "$@")
    seen=$(check_agreement "$tree")
    fact "$result" entries "$seen"
    fact "$result" label "$label"
    contender "floor" "$tools/floor $tree"
    contender "fsscan" "$FSSCAN $tree --threads $THREADS --json -o /dev/null"
    contender "fsscan 1" "$FSSCAN $tree --threads 1 --json -o /dev/null"
    contender "find" "find $tree -printf '%s\n'"
    if [[ $name == many ]]; then
        contender "du" "du -s $tree"
        if have bfs; then contender "bfs" "bfs $tree -printf '%s\n'"; fi
        # A size filter that everything passes makes fd stat each entry.
        if have fdfind; then contender "fd" "fdfind --unrestricted --threads $THREADS --size +0b . $tree"; fi
    fi
    if [[ $name == chain ]]; then
        # Other programs' behaviour with paths longer than the kernel's limit. (check_agreement has counted with find.)
        contender "du" "du -s $tree"
        saw "$result" du "$(du -s --inodes "$tree" 2>/dev/null | cut -f 1)" "$seen"
        if have bfs; then
            contender "bfs" "bfs $tree -printf '%s\n'"
            saw "$result" bfs "$(bfs "$tree" -printf '\n' 2>/dev/null | wc -l)" "$seen"
        fi
        if have fdfind; then
            # Without a size filter, which directories do not pass; fd does not name its root.
            contender "fd" "fdfind --unrestricted --threads $THREADS . $tree"
            saw "$result" fd "$((1 + $(fdfind --unrestricted . "$tree" 2>/dev/null | wc -l)))" "$seen"
        fi
    fi
    # A small tree is over in milliseconds and needs more runs than one of millions.
    if ((entries > 500000)); then
        RUNS=1 WARMUP=0 measure "$result"
    else
        RUNS=$((RUNS * 2)) measure "$result"
    fi
    results_made+=(--result "$result")
    if [[ $name == "$RECORDS" ]]; then
        no_facts scale-records
        fact scale-records entries "$seen"
        fact scale-records label "$label: records"
        contender "fsscan --ndjson" "$FSSCAN $tree --threads $THREADS --ndjson -o /dev/null"
        contender "fsscan --sorted --ndjson" "$FSSCAN $tree --threads $THREADS --sorted --ndjson -o /dev/null"
        ROUNDS=1 RUNS=2 WARMUP=0 measure scale-records
        results_made+=(--result scale-records)
    fi
    if [[ $name == many ]]; then
        saved=${TMPDIR:-/var/tmp}/fsscan-bench-many.fsscan
        no_facts scale-many-records
        fact scale-many-records entries "$seen"
        fact scale-many-records label "$label: records"
        contender "fsscan --ndjson" "$FSSCAN $tree --threads $THREADS --ndjson -o /dev/null"
        contender "fsscan --sorted --ndjson" "$FSSCAN $tree --threads $THREADS --sorted --ndjson -o /dev/null"
        contender "fsscan --format ncdu" "$FSSCAN $tree --threads $THREADS --format ncdu -o /dev/null"
        contender "fsscan --save" "$FSSCAN $tree --threads $THREADS --save $saved --json -o /dev/null"
        # Each save is the first of its file.
        PREPARE="rm -f $saved" ROUNDS=1 RUNS=1 WARMUP=0 measure scale-many-records
        rm -f "$saved"
        results_made+=(--result scale-many-records)
    fi
    remove_tree "$result"
}

for size in $SIZES; do
    scale "$size" "$size entries in $((size * 89 / 300)) directories" "$size" small-dirs "$size"
done
if ((MANY > 0)); then
    scale many "$MANY entries in $((MANY / 14)) directories" "$MANY" tree "$MANY" $((MANY / 14))
fi
scale chain "A chain $DEPTH directories deep" "$DEPTH" chain "$DEPTH"
scale wide "One directory of $WIDE files" "$WIDE" wide "$WIDE"

no_facts scale-empty
empty=$(make_tree empty wide 0)
fact scale-empty label "An empty directory"
contender "floor" "$tools/floor $empty"
contender "fsscan" "$FSSCAN $empty --threads $THREADS --json -o /dev/null"
contender "find" "find $empty -printf '%s\n'"
RUNS=$((RUNS * 10)) measure scale-empty
remove_tree empty
results_made+=(--result scale-empty)

report scale --title "Scale (tmpfs)" --tools "find du bfs fdfind" "${results_made[@]}" --ratio floor --ratio fsscan \
    --ratio "fsscan --ndjson" \
    --target "time for an entry at 5,000,000 ÷ at 100,000" \
    "per_entry('scale-5000000', 'fsscan') / per_entry('scale-100000', 'fsscan')" "<= 1.2" \
    --target "peak memory at 5,000,000 entries, MiB" "peak('scale-5000000', 'fsscan')" "<= 64" \
    --target "one huge directory: what $THREADS threads gain ÷ what they gain at 1,000,000 entries" \
    "(t('scale-wide', 'fsscan 1') / t('scale-wide', 'fsscan')) / (t('scale-1000000', 'fsscan 1') / t('scale-1000000', 'fsscan'))" \
    ">= 0.9" \
    --target "one huge directory: peak memory, MiB" "peak('scale-wide', 'fsscan')" "<= 64" \
    --target "14,000,000 entries: --sorted --ndjson ÷ --ndjson" \
    "t('scale-many-records', 'fsscan --sorted --ndjson') / t('scale-many-records', 'fsscan --ndjson')" "<= 1.5" \
    --target "the same: peak memory of --sorted --ndjson, MiB" \
    "peak('scale-many-records', 'fsscan --sorted --ndjson')" "<= 96" \
    --target "the same: peak memory of --format ncdu, MiB" \
    "peak('scale-many-records', 'fsscan --format ncdu')" "<= 96" \
    --target "the same: peak memory of --save, MiB" "peak('scale-many-records', 'fsscan --save')" "<= 96" \
    --target "start-up on an empty directory, ms" "t('scale-empty', 'fsscan') * 1000" "<= 6"
