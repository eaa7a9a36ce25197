#!/bin/sh
# Prepares the build and the tests: libraries and programs from Debian packages, and .venv with Python's.
#
#   setup.sh              what `make test` does first
#   setup.sh --all        what `make test-all` does first: also MPICH, Java, and .venv/engines with Dask and PySpark
#   setup.sh --build      the libraries of the program alone: what `make build` does first
#   setup.sh --tools      the libraries of the benchmarks' tools alone
#   setup.sh --check      installs nothing, and names missing packages
#   setup.sh --list       prints all packages that `make test` uses, installed or not
#
# Installs only what is missing; with nothing to do it takes some milliseconds, so that make can always call it.
# Other users than root get the one command to run instead.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../.venv

build="pkg-config libmagic-dev libncurses-dev libsqlite3-dev libssl-dev libxxhash-dev node-d3-hierarchy"
tools="pkg-config libssl-dev libfuse3-dev liburing-dev"
# A browser, for the tests of pages: 300 MB, so only root gets it by default; other users skip those tests.
browser="chromium fonts-dejavu-core"

# A program that the tests run, and the package it comes in. `make fresh` shows that the list is complete.
programs="
jq jq
sqlite3 sqlite3
git git
curl curl
file file
xxhsum xxhash
strace strace
valgrind valgrind
time time
systemd-analyze systemd
setpriv util-linux
prlimit util-linux
mount mount
losetup mount
modprobe kmod
python3 python3
find findutils
ncdu ncdu
tmux tmux
mtree mtree-netbsd
bsdtar libarchive-tools
hashdeep hashdeep
aide aide
openssl openssl
setcap libcap2-bin
setfacl acl
setfattr attr
chattr e2fsprogs
du coreutils
diff diffutils
rsync rsync
dpkg-deb dpkg
awk mawk
ps procps
dot graphviz
zsh zsh
fish fish
mandoc mandoc
cc gcc
pkg-config pkg-config
fusermount3 fuse3
mkfs.ext4 e2fsprogs
mkfs.xfs xfsprogs
mkfs.btrfs btrfs-progs
mksquashfs squashfs-tools
parallel parallel
mpicc libopenmpi-dev
mpirun openmpi-bin
"

# The same for `make test-all`.
more_programs="
mpicc.mpich libmpich-dev
mpiexec.mpich mpich
java default-jre-headless
"

# Debian's python3 can make no virtual environment by itself; other builds can.
can_make_venv() { [ -x "$venv/bin/python" ] || python3 -c 'import ensurepip' 2>/dev/null; }

# The packages whose programs are missing.
missing_programs() {
    # Some are in directories that only root has in its PATH.
    PATH=$PATH:/usr/sbin:/sbin
    echo "$programs" | while read -r program package; do
        [ -z "$program" ] || command -v "$program" >/dev/null || echo "$package"
    done
    can_make_venv || echo python3-venv
}

mode=${1:-}
if [ "$mode" = --all ]; then
    programs=$programs$more_programs
    mode=
    engines=$venv/engines
fi
case $mode in
--build) exec "$here/packages.sh" $build ;;
--tools) exec "$here/packages.sh" $tools ;;
--list)
    { printf '%s\n' $build $tools $browser python3-venv; echo "$programs" | cut -s -d ' ' -f 2; } | sort -u
    exit 0
    ;;
"" | --check) ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac

# shellcheck disable=SC2046
"$here/packages.sh" $mode $(printf '%s\n' $build $tools $(missing_programs) | sort -u)
[ "$(id -u)" -ne 0 ] || [ -n "$mode" ] || "$here/packages.sh" $browser ||
    echo "Without $browser the tests of pages are skipped." >&2

# environment DIRECTORY FILE...: an environment with the requirements in these files. The stamp records what is
# installed: a different list recreates the environment.
environment() {
    directory=$1
    shift
    if [ -x "$directory/bin/python" ] && cat "$@" | cmp -s - "$directory/installed-requirements.txt" &&
        "$directory/bin/python" -c ''; then
        return
    fi
    if [ "$mode" = --check ]; then
        echo "Tests/oracles/setup.sh has not been run: .venv is missing or out of date." >&2
        exit 1
    fi
    rm -rf "$directory"
    python3 -m venv "$directory"
    cat "$@" >"$directory/wanted-requirements.txt"
    "$directory/bin/pip" install --quiet --disable-pip-version-check -r "$directory/wanted-requirements.txt"
    mv "$directory/wanted-requirements.txt" "$directory/installed-requirements.txt"
}

set -- "$here/requirements.txt"
! command -v chromium >/dev/null || set -- "$@" "$here/requirements-browser.txt"
environment "$venv" "$@"
[ "$mode" != --check ] || exit 0
"$here/prometheus.sh"
[ ! "${engines:-}" ] || environment "$engines" "$here/requirements-engines.txt"
