#!/bin/sh
# Makes ready what the tests compare with: programs from Debian packages, and .venv with the Python ones.
#
# Installs only what is missing; with nothing to do it takes some milliseconds, so that `make test` can always call it.
# Who is not root gets the one command to run instead. --check installs nothing and says what is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../.venv

# A program that the tests run, and the package it comes in.
programs="
jq jq
sqlite3 sqlite3
git git
file file
xxhsum xxhash
strace strace
systemd-analyze systemd
setpriv util-linux
prlimit util-linux
python3 python3
find findutils
ncdu ncdu
mtree mtree-netbsd
hashdeep hashdeep
setcap libcap2-bin
setfacl acl
setfattr attr
chattr e2fsprogs
du coreutils
ps procps
dot graphviz
cc gcc
pkg-config pkg-config
fusermount3 fuse3
mkfs.ext4 e2fsprogs
mkfs.xfs xfsprogs
mkfs.btrfs btrfs-progs
mksquashfs squashfs-tools
systemd-analyze systemd
"

missing=$(echo "$programs" | while read -r program package; do
    [ -z "$program" ] || command -v "$program" >/dev/null || echo "$package"
done | sort -u)
# A header that a program in Tests/faults is compiled with.
[ -e /usr/include/fuse3/fuse_lowlevel.h ] || missing="$missing libfuse3-dev"
# Debian's python3 can make no virtual environment by itself; other builds can.
[ -n "$missing" ] || [ -x "$venv/bin/python" ] || python3 -c 'import ensurepip' 2>/dev/null || missing=python3-venv

if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    set -- "${1:-}" $missing
    mode=$1
    shift
    if [ "$mode" = --check ] || [ "$(id -u)" -ne 0 ]; then
        echo "The tests need packages that are missing. Install them with:" >&2
        echo "    sudo apt-get install -y $*" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    exec "$0"
fi

# The stamp is what was installed: another list of requirements makes the environment anew.
if [ -x "$venv/bin/python" ] && cmp -s "$here/requirements.txt" "$venv/installed-requirements.txt" &&
    "$venv/bin/python" -c ''; then
    exit 0
fi
if [ "${1:-}" = --check ]; then
    echo "Tests/oracles/setup.sh has not been run: .venv is missing or out of date." >&2
    exit 1
fi
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
cp "$here/requirements.txt" "$venv/installed-requirements.txt"
