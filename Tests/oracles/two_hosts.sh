#!/bin/bash
# Two hosts on one machine, for mpirun: each has a network, a host name and mounts of its own, and a cable joins them.
#
#   two_hosts.sh LOWER TREE SCRIPT      runs SCRIPT by bash on the first host; needs root and ip
#
# Each host mounts the directory LOWER at TREE, and LOWER.inner, if it exists, at TREE/inner: the same files, with other
# device numbers on each host, as clients of one file system have them. (If TREE is empty, nothing is mounted.) In SCRIPT
#
#   hosts N PROGRAM…     runs N ranks of PROGRAM by mpirun, as many on each host
#   unplug               pulls the cable
#
# TIMEOUT is the time limit in seconds of the whole; 124 is the status then.
set -euo pipefail
lower=$1 tree=${2:-} script=${3:-}
self=$(readlink -f "$0")

# Stands for ssh: two_hosts.sh is its own agent, called with an address and a command.
if [[ ${TWO_HOSTS:-} && $lower == 10.77.0.[12] ]]; then
    number=${lower##*.}
    shift
    # shellcheck disable=SC2016 # the inner shell expands it
    exec ip netns exec "$TWO_HOSTS-$number" unshare --uts --mount --propagation private bash -c '
        hostname "$1"
        if [ "$TWO_HOSTS_TREE" ]; then
            mount -t overlay overlay -o "lowerdir=$TWO_HOSTS_LOWER:$TWO_HOSTS_EMPTY" "$TWO_HOSTS_TREE"
        fi
        if [ "$TWO_HOSTS_TREE" ] && [ -d "$TWO_HOSTS_LOWER.inner" ]; then
            mount -t overlay overlay -o "lowerdir=$TWO_HOSTS_LOWER.inner:$TWO_HOSTS_EMPTY" "$TWO_HOSTS_TREE/inner"
        fi
        eval "$2"' - "host$number" "$*"
fi

export TWO_HOSTS=fsscan$$ TWO_HOSTS_LOWER=$lower TWO_HOSTS_TREE=$tree TWO_HOSTS_EMPTY
TWO_HOSTS_EMPTY=$(mktemp -d)
cleanup() {
    for number in 1 2; do
        ip netns pids "$TWO_HOSTS-$number" 2>/dev/null | xargs -r kill -KILL || true
        ip netns del "$TWO_HOSTS-$number" 2>/dev/null || true
    done
    rmdir "$TWO_HOSTS_EMPTY"
}
trap cleanup EXIT
for number in 1 2; do ip netns add "$TWO_HOSTS-$number"; done
ip -n "$TWO_HOSTS-1" link add cable type veth peer name cable netns "$TWO_HOSTS-2"
for number in 1 2; do
    ip -n "$TWO_HOSTS-$number" addr add "10.77.0.$number/24" dev cable
    ip -n "$TWO_HOSTS-$number" link set cable up
    ip -n "$TWO_HOSTS-$number" link set lo up
done
export TWO_HOSTS_AGENT=$self
timeout --foreground "${TIMEOUT:-100}" "$self" 10.77.0.1 '
    hosts() {
        mpirun --allow-run-as-root --bind-to none --mca plm_rsh_agent "$TWO_HOSTS_AGENT" \
            --host "10.77.0.1:$(($1 / 2)),10.77.0.2:$(($1 / 2))" -n "$@"
    }
    unplug() { ip link set cable down; }
    '"$script"
