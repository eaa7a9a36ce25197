#!/usr/bin/env bash
# `make bench-cold` (root): scans with cold caches, where latency and not the processor decides.
#
# Before each run the kernel's caches are dropped (support/drop-caches.sh). What is behind the disk (a host's cache, the
# drive's own) stays as it is and flatters everybody alike, which is why contenders take turns.
# Variables beside those of support/common.sh: COLD_ROUNDS (5), SYSTEM_TREE (/usr), SMALL_FILES (40000), POOLS
# (2 8 32 64), MONITOR_OFF (options that make fsscan's pool a fixed one; empty: not measured).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

COLD_ROUNDS=${COLD_ROUNDS:-5}
SYSTEM_TREE=${SYSTEM_TREE:-/usr}
SMALL_FILES=${SMALL_FILES:-40000}
ENTRIES=${ENTRIES:-300000}
POOLS=${POOLS:-2 8 32 64}
MONITOR_OFF=${MONITOR_OFF:-}

require_root bench-cold "drops the kernel's caches between runs"
[[ -w /proc/sys/vm/drop_caches ]] || fail "bench-cold: /proc/sys/vm/drop_caches is not writable here (a container?)"
require_fsscan
require hyperfine python3
build_tool floor
build_tool maketree

# fixed_pools TREE OPTIONS: fsscan with so many threads and no more.
fixed_pools() {
    local size
    for size in $POOLS; do
        contender "fsscan, pool of $size" "$FSSCAN $1 --threads $size $MONITOR_OFF $2 --json -o /dev/null"
    done
}

measure_cold() {
    ROUNDS=$COLD_ROUNDS RUNS=1 WARMUP=0 measure "$1" \
        --prepare "$benchmarks/support/drop-caches.sh $FSSCAN find du bfs fdfind gdu xargs sha256sum"
}

# The same commands as in metadata.sh, which says why the work is equal; fd with the numbers of threads that people try.
no_facts cold-metadata
fact cold-metadata entries "$(check_agreement "$SYSTEM_TREE")"
fact cold-metadata label "$SYSTEM_TREE, metadata, cold"
contender "find" "find $SYSTEM_TREE -printf '%s\n'"
contender "du" "du -s $SYSTEM_TREE"
contender "bfs" "bfs $SYSTEM_TREE -printf '%s\n'"
for fd_threads in 2 16 64; do
    contender "fd $fd_threads" "fdfind --unrestricted --size +0b --threads $fd_threads . $SYSTEM_TREE"
done
contender "gdu" "gdu --non-interactive --no-progress --no-color --summarize --ignore-dirs / --max-cores $THREADS $SYSTEM_TREE"
contender "fsscan" "$FSSCAN $SYSTEM_TREE --json -o /dev/null"
fixed_pools "$SYSTEM_TREE" ""
measure_cold cold-metadata

# Made on disk (TREES must not be a tmpfs for this one), in a run of its own order: what was written last would still
# lie close together on a disk that turns.
no_facts cold-content
small=$(make_tree small-files files "$SMALL_FILES" 64 16384 20)
[[ $(stat --file-system --format %T "$small") != tmpfs ]] || fail "TREES=$TREES is a tmpfs: nothing there is ever cold"
fact cold-content label "Generated: $SMALL_FILES files of 64 bytes to 16 KiB, SHA-256, cold"
contender "sha256sum" "sh -c \"find '$small' -type f -print0 | xargs -0 -P2 sha256sum\""
contender "fsscan" "$FSSCAN $small --hash sha256 --json -o /dev/null"
fixed_pools "$small" "--hash sha256"
measure_cold cold-content

# What the monitor costs where it has nothing to do.
no_facts cold-warm
tree=$(make_tree small-dirs small-dirs "$ENTRIES")
fact cold-warm entries "$(check_agreement "$tree")"
fact cold-warm label "Generated tree: $ENTRIES entries, metadata, warm"
contender "floor" "$tools/floor $tree"
contender "fsscan" "$FSSCAN $tree --json -o /dev/null"
if [[ -n $MONITOR_OFF ]]; then
    contender "fsscan, monitor off" "$FSSCAN $tree $MONITOR_OFF --json -o /dev/null"
fi
measure cold-warm

pools=""
for size in $POOLS; do
    pools+=", 'fsscan, pool of $size'"
done
report cold --title "Cold caches" --tools "find du bfs fdfind gdu sha256sum" \
    --result cold-metadata --result cold-content --result cold-warm --ratio find --ratio sha256sum --ratio fsscan \
    --target "metadata: find ÷ fsscan" "t('cold-metadata', 'find') / t('cold-metadata', 'fsscan')" ">= 3.5" \
    --target "metadata: fsscan ÷ its best fixed pool" \
    "t('cold-metadata', 'fsscan') / fastest('cold-metadata'$pools)" "<= 1.15" \
    --target "SHA-256: find|xargs sha256sum ÷ fsscan" "t('cold-content', 'sha256sum') / t('cold-content', 'fsscan')" ">= 5" \
    --target "SHA-256: fsscan ÷ its best fixed pool" \
    "t('cold-content', 'fsscan') / fastest('cold-content'$pools)" "<= 1.15" \
    --target "warm: monitor on ÷ monitor off" "t('cold-warm', 'fsscan') / t('cold-warm', 'fsscan, monitor off')" "<= 1.02"
