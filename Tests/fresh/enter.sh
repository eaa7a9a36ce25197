#!/bin/sh
# Runs a command in a Debian system below DIRECTORY, as if it had been booted. Needs mount and pid namespaces of its
# own: all mounts and processes end with them.
#
#   unshare --mount --pid --fork --kill-child enter.sh DIRECTORY USER PATHS COMMAND [ARGUMENT...]
#
# PATHS is a file with a path of this machine in each line: the system sees them, too, read-only. The environment is
# passed on; HOME and the working directory are USER's.
set -eu
root=$1 user=$2 paths=$3
shift 3

mount --make-rprivate /
# The root directory of the system is a mount point, as everywhere but in a chroot: the tests make mount namespaces.
mount --bind "$root" "$root"
cd "$root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount --rbind /sys sys
mount --rbind /dev dev
# The devices are this machine's. A mount point can be neither moved away nor removed, so a program that wants to
# replace its output file fails there instead of taking /dev/null from everybody.
for node in null zero full random urandom tty; do mount --bind "/dev/$node" "dev/$node"; done
mount -t tmpfs -o nosuid,nodev,mode=1777 none dev/shm
mount -t tmpfs -o nosuid,nodev,mode=755 none run
while read -r path; do
    if [ -d "$path" ]; then
        mkdir -p ".$path"
    else
        mkdir -p ".${path%/*}"
        : >".$path"
    fi
    mount --bind "$path" ".$path"
    mount -o remount,bind,ro ".$path"
done <"$paths"

mkdir -p .machine
pivot_root . .machine
cd /
# From here on the system's own programs run.
umount -l /.machine
rmdir /.machine

home=$(awk -F: -v user="$user" '$1 == user { print $6 }' /etc/passwd)
cd "$home"
exec env HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash \
    setpriv --reuid="$user" --regid="$user" --init-groups -- "$@" </dev/null
