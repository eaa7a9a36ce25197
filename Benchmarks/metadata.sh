#!/usr/bin/env bash
# `make bench`: a warm metadata scan, fsscan beside the C floor, find, bfs, fd, du and gdu, at 1 and 2 threads.
#
#   metadata.sh            measures on a generated tree of 300,000 entries and on /usr, and memory on a million entries
#   metadata.sh --equal    shows that the work is equal: counts each tool's stat calls on a small tree with strace
#
# Variables beside those of support/common.sh: ENTRIES (300000), MEMORY_ENTRIES (1000000), SYSTEM_TREE (/usr).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

ENTRIES=${ENTRIES:-300000}
MEMORY_ENTRIES=${MEMORY_ENTRIES:-1000000}
SYSTEM_TREE=${SYSTEM_TREE:-/usr}

# Every tool must stat every entry, or it has less to do. `metadata.sh --equal` counts; here is why.
contend() {
    local tree=$1 own
    # By definition: fstatat for each entry.
    contender "floor" "$tools/floor $tree"
    # disk_bytes and hard links need st_blocks, st_nlink and st_ino of everything.
    for own in 1 "$THREADS"; do
        contender "fsscan $own" "$FSSCAN $tree --threads $own --json -o /dev/null"
    done
    # `%s` is the size, which readdir does not give. Without it find would trust d_type and stat directories only.
    contender "find" "find $tree -printf '%s\n'"
    # The same: bfs stats lazily, and `%s` makes it stat.
    contender "bfs" "bfs $tree -printf '%s\n'"
    # A size filter that every file passes. -u: hidden and ignored files too, as all others do.
    for own in 1 "$THREADS"; do
        contender "fd $own" "fdfind --unrestricted --size +0b --threads $own . $tree"
    done
    # The sum needs each entry's blocks, -s only shortens the output.
    contender "du" "du -s $tree"
    # Sizes of everything, non-interactive, no progress, no colour; it uses at most three goroutines for each core.
    # --ignore-dirs: by default it leaves out /proc and the like, which does not matter here but could.
    contender "gdu" "gdu --non-interactive --no-progress --no-color --summarize --ignore-dirs / --max-cores $THREADS $tree"
}

require_fsscan
require hyperfine python3
build_tool floor
build_tool maketree

if [[ ${1:-} == --equal ]]; then
    require strace
    tree=$(make_tree equal small-dirs 3000)
    contend "$tree"
    printf '| tool | stat calls for 3,001 entries |\n| --- | ---: |\n'
    for ((index = 0; index < ${#contenders[@]}; index += 2)); do
        trace=$(mktemp)
        eval "strace --follow-forks --output=$trace --trace=%%stat ${contenders[index + 1]}" >/dev/null 2>&1 || true
        # Calls, not lines: a call that another thread's interrupts takes two lines. Only names below the tree count; a
        # program's own start-up (libraries, configuration) makes a dozen more.
        printf '| %s | %d |\n' "${contenders[index]}" "$(grep -c -v -E 'resumed>|\+\+\+|---' "$trace")"
        rm -f "$trace"
    done
    exit
fi

no_facts small-dirs
tree=$(make_tree small-dirs small-dirs "$ENTRIES")
fact small-dirs entries "$(check_agreement "$tree")"
fact small-dirs label "Generated tree: $ENTRIES entries in $((ENTRIES * 89 / 300)) directories, warm"
contend "$tree"
measure small-dirs

no_facts system
fact system entries "$(check_agreement "$SYSTEM_TREE")"
fact system label "$SYSTEM_TREE, warm"
contend "$SYSTEM_TREE"
# The same scan as that of `fsscan $THREADS`, with a timeline of what the workers do.
contender "fsscan $THREADS, --trace" \
    "$FSSCAN $SYSTEM_TREE --threads $THREADS --json -o /dev/null --trace $TREES/trace.json"
measure system
rm -f "$TREES/trace.json"

# Memory only: one run each is enough, because it hardly varies.
no_facts million
tree=$(make_tree million small-dirs "$MEMORY_ENTRIES")
fact million entries "$(check_agreement "$tree")"
fact million label "Generated tree: $MEMORY_ENTRIES entries, warm"
contend "$tree"
ROUNDS=1 RUNS=2 measure million

targets=()
for result in small-dirs system; do
    own="t('$result', 'fsscan $THREADS')"
    others="fastest('$result', 'bfs', 'fd 1', 'fd $THREADS', 'du', 'gdu')"
    targets+=(
        --target "$result: time at $THREADS threads ÷ floor" "$own / t('$result', 'floor')" "<= 0.60"
        --target "$result: the same, as fast as the machine allows" "$own / t('$result', 'floor')" "<= 0.55"
        --target "$result: find ÷ fsscan" "t('$result', 'find') / $own" ">= 2.2"
        --target "$result: fastest of the others ÷ fsscan" "$others / $own" ">= 1.7"
        --target "$result: time at 1 thread ÷ floor" "t('$result', 'fsscan 1') / t('$result', 'floor')" "<= 1.15"
    )
done
targets+=(
    --target "system: time with --trace ÷ without" \
    "t('system', 'fsscan $THREADS, --trace') / t('system', 'fsscan $THREADS')" "<= 1.3"
)
report metadata --title "Metadata, warm cache" --tools "find bfs fdfind du gdu" \
    --result small-dirs --result system --result million --ratio floor --ratio "fsscan $THREADS" "${targets[@]}" \
    --target "peak memory on $MEMORY_ENTRIES entries, MiB" "peak('million', 'fsscan $THREADS')" "<= 40"
