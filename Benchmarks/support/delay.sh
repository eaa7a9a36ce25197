# shellcheck shell=bash
# A tree behind latency: starting and stopping delayfs. Sourced after common.sh; `trap stop_delay EXIT` is the caller's.
# shellcheck disable=SC2154

delay_mount=""
delay_process=""

require_fuse() {
    [[ -c /dev/fuse && -w /dev/fuse ]] || fail "$1 needs /dev/fuse: modprobe fuse, or give the container that device"
    [[ $EUID -eq 0 ]] || have fusermount3 || fail "$1 needs root, or fusermount3 (package fuse3)"
    build_tool delayfs
}

# start_delay TREE MILLISECONDS: mounts TREE with a delay, at $delay_mount.
start_delay() {
    local tenths
    delay_mount=$(mktemp -d)
    "$tools/delayfs" "$1" "$delay_mount" "$2" &
    delay_process=$!
    for ((tenths = 0; tenths < 100; tenths++)); do
        ! mountpoint -q "$delay_mount" || return 0
        kill -0 "$delay_process" 2>/dev/null || break
        sleep 0.1
    done
    fail "delayfs did not mount $1"
}

stop_delay() {
    [[ -n $delay_process ]] || return 0
    # It unmounts itself.
    kill "$delay_process" 2>/dev/null || true
    wait "$delay_process" || true
    rmdir "$delay_mount"
    delay_process=""
}
