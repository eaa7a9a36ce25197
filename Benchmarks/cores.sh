#!/usr/bin/env bash
# `make bench-cores`: what threads pay for what they share, at 1, 2, 4 … threads up to the number of processors: cache
# lines, fences, and the kernel's counts. docs/PERFORMANCE.md ("More cores") computes from it what many cores would do.
#
# Variables: THREAD_COUNTS (1 2 4 …), SECONDS_EACH (0.3).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

processors=$(nproc)
counts=()
for ((count = 1; count < processors; count *= 2)); do counts+=("$count"); done
counts+=("$processors")
read -ra counts <<<"${THREAD_COUNTS:-${counts[*]}}"
build_tool cores

{
    printf '%s, %s processors; nanoseconds that an operation takes its thread, medians of 5 runs.\n\n' \
        "$(uname -sr)" "$processors"
    printf '| operation, on threads'
    printf ' | %s' "${counts[@]}"
    printf ' |\n| --- '
    printf '| ---: %.0s' "${counts[@]}"
    printf '|\n'
    files=()
    for count in "${counts[@]}"; do
        say "$count threads"
        "$tools/cores" "$count" "${SECONDS_EACH:-0.3}" >"$tools/cores.$count"
        files+=("$tools/cores.$count")
    done
    paste "${files[@]}" | awk -F '\t' '{
        printf "| %s", $1
        for (field = 2; field <= NF; field += 2) printf " | %.0f", $field
        print " |"
    }'
} | tee "$results/cores.md"
