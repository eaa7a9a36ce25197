#!/bin/bash
# Slurm for one command: a controller and a node of eight processors, all on this machine.
#
#   slurm.sh COMMAND...      its status is that of COMMAND; nothing is left running
#
# Debian's packages are unpacked into .build/slurm and not installed, because they start services. The daemons belong to
# the caller, listen on 127.0.0.1, and write only into a temporary directory. They find the processes of a job by their
# parents (proctrack/linuxproc), so they need no control groups.
set -euo pipefail
unpacked=$(cd "$(dirname "$0")/../.." && pwd)/.build/slurm
directory=$(mktemp -d)
daemons=()
stop() {
    if ((${#daemons[@]} > 2)); then
        # Or a job that is ending would look for its controller for minutes.
        scancel -u "$user" || true
        await is_idle || true
    fi
    { ((${#daemons[@]} == 0)) || kill -KILL "${daemons[@]}"; wait; } 2>/dev/null || true
    rm -rf "$directory"
}
trap stop EXIT
fail() { tail -n 20 "$directory"/*.log >&2; exit 1; }
# await COMMAND...: half a minute at most.
await() {
    local tenths
    for ((tenths = 0; tenths < 300; tenths++)); do
        ! "$@" 2>/dev/null || return 0
        sleep 0.1
    done
    return 1
}
is_idle() { [[ $(sinfo -h -o %t) == idle ]]; }

if [[ ! -d $unpacked ]]; then
    packages=(munge slurm-client slurm-wlm-basic-plugins slurmctld slurmd)
    rm -rf "$unpacked.new"
    mkdir -p "$directory/packages" "$unpacked.new"
    # With the libraries that this machine lacks.
    apt-get install --dry-run --no-install-recommends "${packages[@]}" >"$directory/apt.log" 2>&1 || fail
    mapfile -t missing < <(sed -n 's/^Inst \([^ ]*\) .*/\1/p' "$directory/apt.log")
    (cd "$directory/packages" && apt-get download -qq "${packages[@]}" "${missing[@]}") \
        >"$directory/apt.log" 2>&1 || fail
    for package in "$directory/packages"/*.deb; do dpkg -x "$package" "$unpacked.new"; done
    mv "$unpacked.new" "$unpacked"
fi
library=/usr/lib/$(uname -m)-linux-gnu
export PATH=$unpacked/usr/bin:$unpacked/usr/sbin:$PATH:/usr/sbin SLURM_CONF=$directory/slurm.conf
export LD_LIBRARY_PATH=$unpacked$library/slurm-wlm:$unpacked$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

host=$(hostname -s)
user=$(id -un)
read -r port node_port < <(python3 -c '
import socket
sockets = [socket.socket() for _ in range(2)]
for one in sockets: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))')
mkdir "$directory/state" "$directory/spool"
(umask 077 && head -c 1024 /dev/urandom >"$directory/key")
cat >"$SLURM_CONF" <<END
ClusterName=fsscan
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$node_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$directory/munge
PluginDir=$unpacked$library/slurm-wlm
StateSaveLocation=$directory/state
SlurmdSpoolDir=$directory/spool
SlurmctldPidFile=$directory/controller.pid
SlurmdPidFile=$directory/node.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
END

# start NAME COMMAND...
start() {
    local log=$directory/$1.log
    shift
    "$@" >"$log" 2>&1 &
    daemons+=($!)
}

start munge munged --foreground --force --socket="$directory/munge" --key-file="$directory/key" \
    --pid-file="$directory/munge.pid" --log-file="$directory/munge.messages" --seed-file="$directory/seed"
await test -S "$directory/munge" || fail
start controller slurmctld-wlm -D
start node slurmd-wlm -D -d "$unpacked/usr/sbin/slurmstepd-wlm" -N "$host"
await is_idle || fail
"$@"
