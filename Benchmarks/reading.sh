#!/usr/bin/env bash
# `make bench-reading`: blocking threads or an io_uring, for the content of many small files? reading/reading.c, outside
# of fsscan: warm, cold (root), and on a disk with latency (/dev/fuse); with SHA-256 and without.
#
# Variables beside those of support/common.sh: READING_ROUNDS (3), SMALL_FILES (40000), LATENCY_FILES (4000), DELAY
# (1, milliseconds), POOLS (2 8 32 64 256, the last being as many as two rings of 128 hold), DEPTHS (32 128; two threads
# with a ring each).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"
# shellcheck source-path=SCRIPTDIR source=support/delay.sh
source "$benchmarks/support/delay.sh"

READING_ROUNDS=${READING_ROUNDS:-3}
SMALL_FILES=${SMALL_FILES:-40000}
LATENCY_FILES=${LATENCY_FILES:-4000}
DELAY=${DELAY:-1}
POOLS=${POOLS:-2 8 32 64 256}
DEPTHS=${DEPTHS:-32 128}

require hyperfine python3
build_tool reading
ring=1
title="Blocking threads or io_uring"
if ! "$tools/reading" probe; then
    ring=0
    title+=" (which this kernel, or a sandbox around this process, refuses)"
    say "$title"
fi

# ways OPTIONS TREE LIST COMMAND...: runs COMMAND with the name and the command line of each way to read.
ways() {
    local options=$1 tree=$2 list=$3 number
    shift 3
    for number in $POOLS; do
        "$@" "$number threads" "$tools/reading $options threads $number $tree $list"
    done
    ((ring)) || return 0
    for number in $DEPTHS; do
        "$@" "2 rings of $number" "$tools/reading $options ring 2 $number $tree $list"
        "$@" "2 rings of $number, tried first" "$tools/reading $options try-ring 2 $number $tree $list"
    done
}

# same_digests TREE LIST: all ways read the same bytes, or their times mean nothing.
same_digests() {
    local answers
    check() { $2; }
    answers=$(ways --sha256 "$1" "$2" check | sort -u)
    [[ $answers == *" files "* && $(wc -l <<<"$answers") == 1 ]] || fail "the ways to read differ: $answers"
}

lists=$(mktemp -d)
trap 'stop_delay; rm -r "$lists"' EXIT
arguments=()

# measure_reading NAME LABEL TREE LIST
measure_reading() {
    local name options number threads rings
    for options in "" --sha256; do
        name=reading-$1 threads="" rings=""
        [[ -z $options ]] || name+=-sha256
        no_facts "$name"
        fact "$name" label "$2${options:+, SHA-256}"
        ways "$options" "$3" "$4" contender
        ROUNDS=$READING_ROUNDS measure "$name"
        arguments+=(--result "$name")
        ((ring)) || continue
        for number in $POOLS; do threads+=", '$number threads'"; done
        for number in $DEPTHS; do rings+=", '2 rings of $number', '2 rings of $number, tried first'"; done
        arguments+=(--target "$2${options:+, SHA-256}: fastest threads ÷ fastest rings (above 1.1 a ring would pay)"
            "fastest('$name'$threads) / fastest('$name'$rings)" "<= 1.1")
    done
}

tree=$(make_tree small-files files "$SMALL_FILES" 64 16384 20)
find "$tree" -type f -printf '%P\0' >"$lists/small"
same_digests "$tree" "$lists/small"
label="$SMALL_FILES files of 64 bytes to 16 KiB"
RUNS=3 measure_reading warm "$label, warm" "$tree" "$lists/small"

if [[ -w /proc/sys/vm/drop_caches && $(stat --file-system --format %T "$tree") != tmpfs ]]; then
    PREPARE="$benchmarks/support/drop-caches.sh $tools/reading" RUNS=1 WARMUP=0 \
        measure_reading cold "$label, cold" "$tree" "$lists/small"
else
    say "the cold part is left out: dropping caches needs root, and TREES on a disk"
fi

if [[ -w /dev/fuse ]]; then
    require_fuse bench-reading
    tree=$(make_tree "latency-files-$LATENCY_FILES" files "$LATENCY_FILES" 64 16384 20)
    find "$tree" -type f -printf '%P\0' >"$lists/latency"
    start_delay "$tree" "$DELAY"
    same_digests "$delay_mount" "$lists/latency"
    RUNS=1 WARMUP=0 measure_reading latency "$LATENCY_FILES files, $DELAY ms an operation" "$delay_mount" "$lists/latency"
    stop_delay
else
    say "the part with latency is left out: it needs /dev/fuse"
fi

report reading --title "$title" --ratio "2 threads" --ratio "32 threads" "${arguments[@]}"
