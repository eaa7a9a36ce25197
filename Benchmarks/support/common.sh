# shellcheck shell=bash
# Shared by the benchmark scripts: places, creating trees, timing contenders. Sourced, not run.
#
# A script declares contenders (`contender NAME COMMAND`), measures them (`measure RESULT`) and prints tables and
# verdicts (`report …`). All timing is hyperfine's; support/bench.py only merges, tabulates and judges.
#
# Variables of the caller (defaults below): FSSCAN THREADS ROUNDS RUNS WARMUP TREES.

set -euo pipefail

benchmarks=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
results=$benchmarks/results
tools=$benchmarks/.build/tools

# The program under test: the release build.
FSSCAN=${FSSCAN:-$benchmarks/../.build/release/fsscan}
# The thread count of the targets. Peers get the same number where they have an option for it.
THREADS=${THREADS:-2}
# Each contender runs ROUNDS times RUNS times. Within a round the contenders follow one another, so that a change of the
# machine's mood (turbo, a neighbour on the host) meets all of them and not the one that was unlucky.
ROUNDS=${ROUNDS:-3}
RUNS=${RUNS:-5}
WARMUP=${WARMUP:-1}
# Where trees are made; they stay for the next run (`make bench-clean` removes them).
TREES=${TREES:-${TMPDIR:-/tmp}/fsscan-bench}

mkdir -p "$results" "$tools" "$TREES"
export LC_ALL=C GOMAXPROCS=$THREADS

say() { printf '== %(%T)T %s\n' -1 "$*" >&2; }
fail() { printf '%s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null; }

require() {
    local tool
    for tool in "$@"; do
        have "$tool" || fail "$tool is missing: Benchmarks/install-rivals.sh installs it"
    done
}

require_fsscan() { [[ -x $FSSCAN ]] || fail "$FSSCAN is missing: make build"; }

require_root() { [[ $EUID -eq 0 ]] || fail "$1 needs root: it $2"; }

# build_tool NAME: compiles NAME/NAME.c when it is newer than its program.
build_tool() {
    local source=$benchmarks/$1/$1.c libraries="" package flags=()
    [[ $tools/$1 -nt $source ]] && return
    case $1 in
        delayfs) libraries="fuse3" ;;
        reading) libraries="liburing libcrypto" ;;
    esac
    if [[ -n $libraries ]]; then
        for package in $libraries; do
            pkg-config --exists "$package" || fail "$1 needs $package: make bench-build installs it"
        done
        # shellcheck disable=SC2086,SC2207
        flags=(-pthread $(pkg-config --cflags --libs $libraries))
    fi
    "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -o "$tools/$1" "$source" "${flags[@]}"
}

# make_tree NAME SHAPE NUMBER...: prints the path of a tree, made now or found as it was made earlier.
make_tree() {
    local path=$TREES/$1
    shift
    build_tool maketree
    "$tools/maketree" "$path" "$@"
    printf '%s\n' "$path"
}

# remove_tree NAME
remove_tree() { "$tools/maketree" "$TREES/$1" remove; }

# --- fsscan's pool --------------------------------------------------------------------------------------------------

# `--pool N` is a pool of exactly N threads, without the monitor. A build that does not know it has no monitor either,
# and `--threads N` is the same there.
pool_option() {
    local help
    help=$("$FSSCAN" --help)
    if [[ $help == *--pool* ]]; then echo --pool; else echo --threads; fi
}

# pool_sizes NUMBER...: these sizes, and the fixed surplus of four threads for each processor, in order.
pool_sizes() { printf '%s\n' "$@" "$((4 * $(nproc)))" | sort -n -u | tr '\n' ' '; }

# pool_name SIZE: the row of a pool.
pool_name() {
    local remark=""
    (($1 == $(nproc))) && remark=" (N)"
    (($1 == 4 * $(nproc))) && remark=" (4N)"
    printf 'fsscan, pool of %d%s' "$1" "$remark"
}

# contend_pools "SIZE..." TREE OPTION...: fsscan with its default, and with fixed pools.
contend_pools() {
    local sizes=$1 tree=$2 size
    shift 2
    contender "fsscan" "$FSSCAN $tree $* --json -o /dev/null"
    for size in $sizes; do
        contender "$(pool_name "$size")" "$FSSCAN $tree $(pool_option) $size $* --json -o /dev/null"
    done
}

# pool_rows "SIZE...": the rows of these pools, as arguments of `fastest` in a target.
pool_rows() {
    local size
    for size in $1; do printf ", '%s'" "$(pool_name "$size")"; done
}

# --- Contenders -----------------------------------------------------------------------------------------------------

contenders=()

# contender NAME COMMAND: the first word of COMMAND is the program; one that is not installed is left out with a note.
# COMMAND is run without a shell by hyperfine, with one by `peak`; quote so that both read it alike.
contender() {
    if have "${2%% *}"; then
        contenders+=("$1" "$2")
    else
        say "left out, not installed: ${2%% *}"
    fi
}

# warm TREE: reads all its files, for content that is to be in the page cache. fsscan leaves the cache as it was, so a
# run of it does not warm it for the next.
warm() {
    say "warming $1"
    find "$1" -xdev -type f -print0 2>/dev/null | xargs -0 cat >/dev/null 2>&1 || true
}

# A command to run before each run, without a shell: for cold caches.
PREPARE=

# 0: without the peak memory, which takes another run of each contender.
PEAKS=${PEAKS:-1}

# measure RESULT: times all contenders, then takes each one's peak memory, and forgets them.
#
# Leaves results/RESULT.N.json for each round N (hyperfine's own export) and results/RESULT.contenders (name, peak KiB,
# command, separated by tabs). --ignore-failure: as an ordinary user many tools exit 1 on unreadable directories; the
# report names every exit status that was not 0.
measure() {
    local result=$1 round arguments=() index
    [[ -z $PREPARE ]] || arguments+=(--prepare "$PREPARE")
    for ((index = 0; index < ${#contenders[@]}; index += 2)); do
        arguments+=(--command-name "${contenders[index]}" "${contenders[index + 1]}")
    done
    rm -f "$results/$result".*.json "$results/$result.contenders"
    for ((round = 1; round <= ROUNDS; round++)); do
        say "$result: round $round of $ROUNDS"
        hyperfine --shell=none --style basic --ignore-failure --warmup "$WARMUP" --runs "$RUNS" \
            --export-json "$results/$result.$round.json" "${arguments[@]}" 2>&1 | grep --line-buffered -E '^(Bench|  Time|Error)' >&2
    done
    ((PEAKS == 0)) || say "$result: peak memory"
    for ((index = 0; index < ${#contenders[@]}; index += 2)); do
        ((PEAKS != 0)) || break
        $PREPARE
        printf '%s\t%s\t%s\n' "${contenders[index]}" "$(peak "${contenders[index + 1]}")" "${contenders[index + 1]}" \
            >>"$results/$result.contenders"
    done
    contenders=()
}

# peak COMMAND: the largest resident set of any of its processes, in KiB.
#
# GNU time and not a Python wrapper: a process starts with the high-water mark of the one that forked it, and time's
# own is about 1.5 MiB.
peak() {
    local note
    note=$(mktemp)
    eval "command time --format %M --output '$note' $1" >/dev/null 2>&1 || true
    tail -n 1 "$note"
    rm -f "$note"
}

# fact RESULT KEY VALUE: something a report needs to know of a result (label, entries, bytes).
fact() { printf '%s\t%s\n' "$2" "$3" >>"$results/$1.facts"; }

# fault RESULT NAME SENTENCE: a contender that did not do the work. The sentence stands below the table, and the time
# counts for no target.
fault() { printf '%s\t%s\n' "$2" "$3" >>"$results/$1.faults"; }

no_facts() { rm -f "$results/$1.facts" "$results/$1.faults"; }

# report NAME ARGUMENT...: prints the report and keeps it as results/NAME.md.
report() {
    local name=$1
    shift
    python3 "$benchmarks/support/bench.py" "$@" | tee "$results/$name.md"
}

# json_field FILE KEY...: one value out of a JSON file.
json_field() {
    python3 -c 'import functools, json, sys
print(functools.reduce(lambda value, key: value[key], sys.argv[2:], json.load(open(sys.argv[1]))))' "$@"
}

# check_agreement TREE: times mean nothing if the tools did not see the same tree. Prints the number of entries.
check_agreement() {
    local floor_count find_count fsscan_count file
    build_tool floor
    file=$(mktemp)
    floor_count=$("$tools/floor" "$1" | cut -d ' ' -f 1) || true
    find_count=$(find "$1" -printf '\n' | wc -l) || true
    "$FSSCAN" "$1" --json -o "$file" || true
    fsscan_count=$(json_field "$file" totals entries)
    rm -f "$file"
    [[ $floor_count == "$find_count" && $floor_count == "$fsscan_count" ]] ||
        fail "$1: entries differ: floor $floor_count, find $find_count, fsscan $fsscan_count"
    printf '%s\n' "$floor_count"
}
