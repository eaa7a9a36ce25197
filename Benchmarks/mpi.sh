#!/usr/bin/env bash
# `make bench-mpi`: ranks of fsscan-mpi on this machine, beside one process and beside dwalk of mpiFileUtils.
#
# Times are those of the scan itself, as each program prints them: starting MPI takes a quarter of a second, once. The
# two programs of a row take turns, so that other load of the machine affects both; a ratio is the median of the ratios
# of two runs side by side. dwalk is not in Debian: it is taken from PATH.
#
# Needs Open MPI, and /dev/fuse for the rows with latency. Variables beside those of support/common.sh: ENTRIES
# (250000), FLAT (600000), RUNS (11), CASES (1:10000 5:2500; milliseconds, entries), POOL (4; threads of a rank there).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"
# shellcheck source-path=SCRIPTDIR source=support/delay.sh
source "$benchmarks/support/delay.sh"

ENTRIES=${ENTRIES:-250000}
FLAT=${FLAT:-600000}
RUNS=${RUNS:-11}
CASES=${CASES:-1:10000 5:2500}
POOL=${POOL:-4}
program=$(dirname "$FSSCAN")/fsscan-mpi

require_fsscan
require mpirun jq
[[ -x $program ]] || fail "$program is missing: make mpi"

scratch=$(mktemp -d)
trap 'stop_delay; rm -rf "$scratch"' EXIT
launcher=(mpirun --oversubscribe --bind-to none)
[[ $EUID -ne 0 ]] || launcher+=(--allow-run-as-root)

# Each of these runs a scan and prints its seconds. The report stays for `agree`, the lines of --stats for `ranks_did`.
one() {
    "$FSSCAN" "$@" --json -o "$scratch/one.json"
    jq .timing.elapsed_seconds "$scratch/one.json"
}
ranks() {
    local number=$1
    shift
    "${launcher[@]}" -n "$number" "$program" "$@" --stats --json -o "$scratch/ranks.json" 2>"$scratch/noise" ||
        { cat "$scratch/noise" >&2; exit 1; }
    jq .timing.elapsed_seconds "$scratch/ranks.json"
}
walk() {
    local number=$1 tree=$2
    "${launcher[@]}" -n "$number" dwalk "$tree" >"$scratch/dwalk" 2>&1 || { cat "$scratch/dwalk" >&2; exit 1; }
    sed -n 's/.*Walked [0-9]* items in \([0-9.]*\) seconds.*/\1/p' "$scratch/dwalk"
}

# agree: the last two reports are the same, but for the time they took.
agree() {
    local report
    for report in one ranks; do sed '/"timing": {/,$d' "$scratch/$report.json" >"$scratch/$report.cut"; done
    cmp "$scratch/one.cut" "$scratch/ranks.cut" || fail "the reports differ"
}

# row LABEL LEFT RIGHT TARGET: RUNS runs of both commands in turn; the row has the median times, and LEFT ÷ RIGHT.
row() {
    local label=$1 left=$2 right=$3 target=$4 run
    : >"$scratch/times"
    $left >/dev/null && $right >/dev/null
    for ((run = 1; run <= RUNS; run++)); do
        printf '%s %s\n' "$($left)" "$($right)" >>"$scratch/times"
    done
    python3 - "$scratch/times" "$label" "$target" <<'PYTHON'
import statistics, sys
times, label, target = sys.argv[1:]
pairs = [tuple(map(float, line.split())) for line in open(times)]
ratios = sorted(left / right for left, right in pairs)
seconds = [statistics.median(side) for side in zip(*pairs)]
print(f"| {label} | {seconds[0]:.3f} s | {seconds[1]:.3f} s "
      f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | {target} |")
PYTHON
}

# ranks_did: what each rank of the last run did.
ranks_did() { grep -a -o 'rank [0-9]*: .*' "$scratch/noise" | sed 's/^/    /'; }

# traffic TREE NUMBER: messages and bytes of a run, for 1,000,000 entries.
traffic() {
    ranks "$2" "$1" --threads 1 >/dev/null
    grep -a -o 'rank [0-9]*: .*' "$scratch/noise" | awk -v ranks="$2" '
        { for (i = 2; i <= NF; i++) {
            if ($i ~ /^entries/) entries += $(i - 1)
            if ($i ~ /^messages/) messages += $(i - 1)
            if ($i ~ /^bytes/) bytes += $(i - 1) } }
        END { printf "| %d | %d | %.1f MB |\n", ranks, messages * 1e6 / entries, bytes / entries }'
}

{
    printf '### Ranks of MPI\n\n%s, %d processors, %s; medians of %d runs in turn.\n\n' \
        "$(uname -sr)" "$(nproc)" "$(mpirun --version | head -n 1)" "$RUNS"
    printf '| work, and what is compared | left | right | left ÷ right | target |\n| --- | ---: | ---: | ---: | ---: |\n'

    tree=$(make_tree "mpi-$ENTRIES" small-dirs "$ENTRIES")
    one "$tree" --threads 2 >/dev/null && ranks 2 "$tree" --threads 1 >/dev/null && agree
    row "$ENTRIES entries: 2 ranks of 1 thread ÷ \`fsscan --threads 2\`" \
        "ranks 2 $tree --threads 1" "one $tree --threads 2" "<= 1.15"
    if have dwalk; then
        for number in 1 2 4; do
            row "$ENTRIES entries: dwalk ÷ fsscan-mpi, $number ranks each" \
                "walk $number $tree" "ranks $number $tree --threads 1" ">= 4"
        done
    else
        say "left out, not installed: dwalk"
    fi

    flat=$(make_tree "mpi-flat-$FLAT" wide "$FLAT")
    one "$flat" --threads 2 >/dev/null && ranks 4 "$flat" --threads 1 >/dev/null && agree
    shares=$(ranks_did)
    row "one directory of $FLAT: 4 ranks of 1 thread ÷ \`fsscan --threads 2\`" \
        "ranks 4 $flat --threads 1" "one $flat --threads 2" ""

    if [[ -w /dev/fuse ]]; then
        require_fuse bench-mpi
        for case in $CASES; do
            IFS=: read -r delay entries <<<"$case"
            slow=$(make_tree "mpi-slow-$entries" small-dirs "$entries")
            start_delay "$slow" "$delay"
            one "$delay_mount" --pool 4 >/dev/null && ranks 4 "$delay_mount" --pool 4 >/dev/null && agree
            row "$delay ms, $entries entries: \`fsscan --pool $((4 * POOL))\` ÷ 4 ranks with \`--pool $POOL\`" \
                "one $delay_mount --pool $((4 * POOL))" "ranks 4 $delay_mount --pool $POOL" ">= 0.9"
            row "$delay ms, $entries entries: \`fsscan --pool $POOL\` ÷ 4 ranks with \`--pool $POOL\`" \
                "one $delay_mount --pool $POOL" "ranks 4 $delay_mount --pool $POOL" ""
            stop_delay
        done
    else
        say "left out, no /dev/fuse: latency"
    fi

    printf '\nFour ranks in one directory of %d:\n\n%s\n' "$FLAT" "$shares"
    printf '\nFor 1,000,000 entries (of %d):\n\n| ranks | messages | sent |\n| ---: | ---: | ---: |\n' "$ENTRIES"
    for number in 2 4 8; do traffic "$tree" "$number"; done
} | tee "$results/mpi.md"
