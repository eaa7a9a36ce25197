#!/usr/bin/env bash
# `make bench-latency`: a remote disk. Every lookup, open, read and listing takes some milliseconds, any number of them
# at the same time (delayfs/delayfs.c).
#
# Needs /dev/fuse, and root or fusermount3. The kernel remembers nothing of the tree, so every run is a cold one.
# Variables beside those of support/common.sh: CASES (1:2000:1000 5:1000:500; milliseconds, entries of the tree whose
# metadata is read, files that are digested), LATENCY_ROUNDS (2), POOLS (2N 4N 32 64, N being the number of processors).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"
# shellcheck source-path=SCRIPTDIR source=support/delay.sh
source "$benchmarks/support/delay.sh"

CASES=${CASES:-1:2000:1000 5:1000:500}
LATENCY_ROUNDS=${LATENCY_ROUNDS:-2}
# shellcheck disable=SC2086
POOLS=$(pool_sizes ${POOLS:-$((2 * $(nproc))) 32 64})

require_fsscan
require hyperfine python3
require_fuse bench-latency
build_tool floor

trap stop_delay EXIT
measure_delayed() { ROUNDS=$LATENCY_ROUNDS RUNS=1 WARMUP=0 measure "$1"; }

arguments=()
for case in $CASES; do
    IFS=: read -r delay entries files <<<"$case"
    result=latency-metadata-$delay
    no_facts "$result"
    tree=$(make_tree "latency-$entries" small-dirs "$entries")
    # Without the delay, which does not change the result.
    start_delay "$tree" 0
    fact "$result" entries "$(check_agreement "$delay_mount")"
    stop_delay
    start_delay "$tree" "$delay"
    fact "$result" label "$entries entries in $((entries * 89 / 300)) directories, $delay ms an operation"
    contender "find" "find $delay_mount -printf '%s\n'"
    contender "du" "du -s $delay_mount"
    for fd_threads in 2 16 64; do
        contender "fd $fd_threads" "fdfind --unrestricted --size +0b --threads $fd_threads . $delay_mount"
    done
    contend_pools "$POOLS" "$delay_mount"
    measure_delayed "$result"
    stop_delay
    arguments+=(--result "$result")
    arguments+=(--target "$delay ms, metadata: find ÷ fsscan" "t('$result', 'find') / t('$result', 'fsscan')" ">= 3.5")

    content=latency-content-$delay
    start_delay "$(make_tree "latency-files-$files" files "$files" 64 16384 20)" "$delay"
    no_facts "$content"
    fact "$content" label "$files files of 64 bytes to 16 KiB, SHA-256, $delay ms an operation"
    # -n: xargs splits by the length of the command line, and all of these fit into one.
    contender "sha256sum" "sh -c \"find '$delay_mount' -type f -print0 | xargs -0 -P2 -n 50 sha256sum\""
    contend_pools "$POOLS" "$delay_mount" --hash sha256
    measure_delayed "$content"
    stop_delay
    arguments+=(--result "$content")
    arguments+=(--target "$delay ms, SHA-256: find|xargs sha256sum ÷ fsscan"
        "t('$content', 'sha256sum') / t('$content', 'fsscan')" ">= 5")

    for result in "latency-metadata-$delay" "latency-content-$delay"; do
        arguments+=(
            --target "$result: fsscan ÷ its best fixed pool"
            "t('$result', 'fsscan') / fastest('$result'$(pool_rows "$POOLS"))" "<= 1.15"
            --target "$result: fsscan ÷ fixed surplus of 4N"
            "t('$result', 'fsscan') / t('$result', '$(pool_name $((4 * $(nproc))))')" "<= 1.00"
        )
    done
done
report latency --title "Latency" --tools "find du fdfind sha256sum" --ratio find --ratio sha256sum --ratio fsscan "${arguments[@]}"
