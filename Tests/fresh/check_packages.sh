#!/bin/sh
# The checks of packages.sh. Runs in a new system, as root, with fsscan.tar.gz, fsscan.deb and perhaps fsscan-mpi.deb in
# the working directory.
set -eu
ok() { echo "ok $*"; }

# Fails if its input has such a line: `! grep` would not end the script.
without() { if grep "$@"; then return 1; fi; }

# scan FSSCAN: the program counts what find does, saves, verifies, and asks libmagic in its sandbox.
scan() {
    "$1" --json /usr/share >report.json
    [ "$(grep -m 1 -o '"entries": *[0-9]*' report.json | tr -dc 0-9)" = "$(find /usr/share | wc -l)" ]
    "$1" version | grep -qx 'MIME types: confined helper'
    "$1" --ndjson --mime /usr/bin/env | grep -q '"mime":"application/x-pie-executable"'
    "$1" --save saved.db --hash sha256 --xattrs /etc >/dev/null
    "$1" verify saved.db
    rm saved.db report.json
}

# Names of all files except those of apt, of dpkg, and in memory.
names() {
    find / -xdev \( -path /root -o -path /tmp -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/cache \
        -o -path /var/log \) -prune -o -print | sort
}

# The tar file, with nothing but the packages that the documentation names.
names >before
tar -C /usr/local --strip-components=1 -xzf fsscan.tar.gz
ldd /usr/local/bin/fsscan /usr/local/libexec/fsscan/fsscan-magic | without 'not found'
scan /usr/local/bin/fsscan
ok "the tar file runs"
tar -tzf fsscan.tar.gz | sed -n 's|^[^/]*/\(.*[^/]\)$|/usr/local/\1|p' | while read -r file; do rm "$file"; done

# The package. Its dependencies come first, so that only its own files can be left behind.
apt-get update -qq
apt-get install -qq --no-install-recommends zsh fish bash-completion man-db >/dev/null
install_dependencies() {
    depends=$(apt-get install -s --no-install-recommends "$@" |
        sed -n '/^Inst fsscan\(-mpi\)\{0,1\} /d; s/^Inst \([^ ]*\) .*/\1/p')
    # shellcheck disable=SC2086
    [ -z "$depends" ] || apt-get install -qq --no-install-recommends $depends >/dev/null
}
install_dependencies ./fsscan.deb
names >before
apt-get install -qq --no-install-recommends ./fsscan.deb
scan fsscan
ok "the package runs"
getent passwd fsscan
ok "the units have their account"
find /etc/systemd -name '*fsscan*' | without .
ok "no unit was enabled"
# minbase leaves out man pages by a setting of dpkg; here it is off.
man -w fsscan fsscan-verify
ok "man finds its pages"
bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader fsscan; complete -p fsscan' |
    grep -- '-F _fsscan fsscan'
ok "bash finds its completion"
zsh -ic 'autoload -Uz compinit; compinit -u -D; print $_comps[fsscan]' 2>/dev/null | grep -x _fsscan
ok "zsh finds its completion"
fish -c 'complete -C "fsscan --has"' | grep '^--hash'
ok "fish finds its completion"
rm -rf .config .local .cache .zcompdump* .zshrc
apt-get purge -qq fsscan
names >after
diff before after
[ ! -e /usr/bin/fsscan ]
ok "nothing is left"

# The package for several machines.
[ -e fsscan-mpi.deb ] || exit 0
apt-get install -qq --no-install-recommends openmpi-bin jq >/dev/null
install_dependencies ./fsscan.deb ./fsscan-mpi.deb
names >before
apt-get install -qq --no-install-recommends ./fsscan.deb ./fsscan-mpi.deb
fsscan --json -o one.json /usr/share
mpirun --allow-run-as-root --oversubscribe -n 2 fsscan-mpi --json -o two.json /usr/share
for report in one two; do jq -S 'del(.timing)' $report.json >$report.cut; done
diff one.cut two.cut
ok "two ranks give the report of one process"
man -w fsscan-mpi
apt-get purge -qq fsscan-mpi
[ ! -e /usr/bin/fsscan-mpi ]
fsscan version >/dev/null
apt-get purge -qq fsscan
rm one.json two.json one.cut two.cut
names >after
diff before after
ok "nothing is left of fsscan-mpi"
