#!/usr/bin/env bash
# `make bench-check`: checks the tools that the measurements rely on. Part of `make test`; takes some seconds.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source-path=SCRIPTDIR source=delay.sh
source "$benchmarks/support/delay.sh"

"$benchmarks/support/build.sh"
TREES=$(mktemp -d)
trap 'stop_delay; rm -r "$TREES"' EXIT
tree=$(make_tree files files 61 0 300000 20)
ln -s "$(printf '%04000d' 0)" "$tree/long"

# The XOR of all digests, as sha256sum sees them.
expected=$(find "$tree" -type f -exec sha256sum {} + | python3 -c 'import functools, operator, sys
print("%064x" % functools.reduce(operator.xor, (int(line.split()[0], 16) for line in sys.stdin)))')
find "$tree" -type f -printf '%P\0' >"$TREES/list"

check_reading() {
    local way answer ways=("threads 1" "threads 8")
    if "$tools/reading" probe; then ways+=("ring 1 1" "ring 2 32" "try-ring 2 8"); fi
    for way in "${ways[@]}"; do
        # shellcheck disable=SC2086
        answer=$("$tools/reading" --sha256 $way "$1" "$TREES/list")
        [[ $answer == "61 files "*" $expected" ]] || fail "reading $way says $answer, sha256sum $expected"
    done
}
check_reading "$tree"

if [[ ! -w /dev/fuse ]]; then
    say "skipped: delayfs needs /dev/fuse"
    exit
fi
require_fuse bench-check
everything='%P %y %s %m %n %T@ %l\n'
start_delay "$tree" 0
diff <(find "$tree" -printf "$everything" | sort) <(find "$delay_mount" -printf "$everything" | sort) ||
    fail "delayfs shows another tree"
check_reading "$delay_mount"
stop_delay

# Ten files, each a lookup, an open and a read of 10 ms: at least 300 ms, one after the other. (Never more than expected
# is asserted of time, but less would mean that nothing is delayed.)
start_delay "$tree" 10
begin=$(date +%s%3N)
(cd "$delay_mount" && head --zero-terminated --lines=10 "$TREES/list" | xargs -0 -n 1 cat >/dev/null)
((elapsed = $(date +%s%3N) - begin))
((elapsed >= 300)) || fail "delayfs: 30 operations of 10 ms took $elapsed ms"
stop_delay
