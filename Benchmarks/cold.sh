#!/usr/bin/env bash
# `make bench-cold` (root): scans with cold caches, where latency matters and not the processor; and the cost of the
# monitor when nothing waits.
#
# Before each run the kernel's caches are dropped (support/drop-caches.sh). Caches behind the disk (a host's, the
# drive's own) stay, and help all contenders alike; that is why contenders take turns.
# Variables beside those of support/common.sh: COLD_ROUNDS (5), SYSTEM_TREE (/usr), SMALL_FILES (40000), ENTRIES
# (300000), POOLS (2 8 32 64; the fixed surplus of four threads for each processor is always among them).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

COLD_ROUNDS=${COLD_ROUNDS:-5}
SYSTEM_TREE=${SYSTEM_TREE:-/usr}
SMALL_FILES=${SMALL_FILES:-40000}
ENTRIES=${ENTRIES:-300000}
# shellcheck disable=SC2086
POOLS=$(pool_sizes ${POOLS:-2 8 32 64})
WARM_POOLS="$(nproc) $((4 * $(nproc)))"

require_root bench-cold "drops the kernel's caches between runs"
[[ -w /proc/sys/vm/drop_caches ]] || fail "bench-cold: /proc/sys/vm/drop_caches is not writable here (a container?)"
require_fsscan
require hyperfine python3
build_tool floor

measure_cold() {
    PREPARE="$benchmarks/support/drop-caches.sh $FSSCAN find du bfs fdfind gdu xargs sha256sum" \
        ROUNDS=$COLD_ROUNDS RUNS=1 WARMUP=0 measure "$1"
}

# Made on disk (TREES must not be a tmpfs for this one), in a run of its own order: the files written last would still
# lie close together on a spinning disk.
small=$(make_tree small-files files "$SMALL_FILES" 64 16384 20)
[[ $(stat --file-system --format %T "$small") != tmpfs ]] || fail "TREES=$TREES is a tmpfs: nothing there is ever cold"
tree=$(make_tree small-dirs small-dirs "$ENTRIES")

# The same commands as in metadata.sh, which says why the work is equal; fd with the usual numbers of threads.
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
contend_pools "$POOLS" "$SYSTEM_TREE"
measure_cold cold-metadata

no_facts cold-content
fact cold-content label "Generated: $SMALL_FILES files of 64 bytes to 16 KiB, SHA-256, cold"
contender "sha256sum" "sh -c \"find '$small' -type f -print0 | xargs -0 -P2 sha256sum\""
contend_pools "$POOLS" "$small" --hash sha256
measure_cold cold-content

# On a busy machine: a busy loop for each processor meanwhile. A worker that does not get a processor looks like a
# blocked one.
busy=()
trap 'kill "${busy[@]}" 2>/dev/null || true' EXIT
for ((core = $(nproc); core > 0; core--)); do
    (while :; do :; done) &
    busy+=($!)
done
no_facts cold-shared
fact cold-shared label "$SYSTEM_TREE, metadata, cold, beside a busy loop for each processor"
contender "find" "find $SYSTEM_TREE -printf '%s\n'"
contend_pools "$WARM_POOLS" "$SYSTEM_TREE"
COLD_ROUNDS=3 measure_cold cold-shared
kill "${busy[@]}"
wait "${busy[@]}" 2>/dev/null || true
trap - EXIT

# Warm: the monitor should have nothing to do. A pool of N is fsscan without it.
no_facts warm-metadata
fact warm-metadata entries "$(check_agreement "$tree")"
fact warm-metadata label "Generated tree: $ENTRIES entries, metadata, warm"
contender "floor" "$tools/floor $tree"
contend_pools "$WARM_POOLS" "$tree"
measure warm-metadata

no_facts warm-content
fact warm-content label "Generated: $SMALL_FILES files of 64 bytes to 16 KiB, SHA-256, warm"
contend_pools "$WARM_POOLS" "$small" --hash sha256
warm "$small"
measure warm-content

monitor_off=$(pool_name "$(nproc)") surplus=$(pool_name $((4 * $(nproc))))
# With `--threads` for `--pool` both rows are the same program: there is no monitor to judge.
[[ $(pool_option) == --pool ]] || monitor_off="fsscan without a monitor (no --pool in this build)"
targets=(
    --target "metadata: find ÷ fsscan" "t('cold-metadata', 'find') / t('cold-metadata', 'fsscan')" ">= 3.5"
    --target "SHA-256: find|xargs sha256sum ÷ fsscan" "t('cold-content', 'sha256sum') / t('cold-content', 'fsscan')" ">= 5"
)
for result in cold-metadata cold-content; do
    targets+=(--target "${result#cold-}: fsscan ÷ its best fixed pool"
        "t('$result', 'fsscan') / fastest('$result'$(pool_rows "$POOLS"))" "<= 1.15")
done
for result in warm-metadata warm-content; do
    targets+=(--target "$result: fsscan ÷ monitor off"
        "t('$result', 'fsscan') / t('$result', '$monitor_off')" "<= 1.02")
done
# The rival of the monitor: if it is slower, the monitor pays off.
for result in cold-metadata cold-content cold-shared warm-metadata warm-content; do
    targets+=(--target "$result: fsscan ÷ fixed surplus of 4N"
        "t('$result', 'fsscan') / t('$result', '$surplus')" "<= 1.00")
done
report cold --title "Cold caches" --tools "find du bfs fdfind gdu sha256sum" --ratio find --ratio sha256sum --ratio fsscan \
    --result cold-metadata --result cold-content --result cold-shared --result warm-metadata --result warm-content \
    "${targets[@]}"
