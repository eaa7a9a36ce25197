#!/usr/bin/env bash
# `make fresh-packages`: tests the results of `make dist` and `make deb` on new systems.
#
#   packages.sh [CODENAME...]       default: bookworm trixie noble
#
# On each system: the tar file runs with the packages that docs/INSTALL.md names and no others; the Debian package
# installs, runs, is found by the shells and by man, and is removed without a trace; so does the package fsscan-mpi on the
# machine's own system, if `make deb` made it: another system may have another version of Open MPI. A system that the
# machine's package sources do not have is named as not tried, and is no failure. The machine's own must be among them.
# Output is kept in .build-fresh/.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Tests/fresh/machine.sh
[[ $EUID -eq 0 ]] || { echo "make fresh-packages needs root: it makes Debian systems and mounts in them." >&2; exit 1; }

tar=$(echo .build/dist/*.tar.gz) package=$(echo .build/deb/fsscan_*.deb) mpi=$(echo .build/deb/fsscan-mpi_*.deb)
[[ -f $tar && -f $package ]] || { echo "Run make dist and make deb first." >&2; exit 1; }
logs=$PWD/.build-fresh
mkdir -p "$logs"
work=$(mktemp -d "${FRESH_DIR:-/var/tmp}/fsscan-fresh-XXXXXX")
chmod 755 "$work"
paths=$work/paths
: >"$paths"
clean_up_at_the_end
Tests/oracles/packages.sh mmdebstrap
apt_options >"$work/apt.conf"
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources=$(debian_sources)
mapfile -t -d '' settings < <(environment)

# The names in docs/INSTALL.md: | Debian 12 (bookworm) | libmagic1 … | …
needed() { sed -n "s/^| [^|]*($1) | \`\([^|\`]*\)\` |.*/\1/p" docs/INSTALL.md; }

# try CODENAME: 0 all well, 1 something is wrong, 2 no such system is available.
try() {
    local codename=$1 lines packages
    base=$work/$codename
    packages=$(needed "$codename")
    [[ $packages ]] || { echo "docs/INSTALL.md does not say what $codename needs." >&2; return 1; }
    # The other releases of a distribution come from where its own does.
    mapfile -t lines < <(sed -n "s/ $own main$/ $codename main/p" <<<"$sources")
    isolated mmdebstrap --variant=minbase --aptopt="$work/apt.conf" --include="${packages// /,}" "$codename" "$base" \
        "${lines[@]}" >"$logs/$codename-base.log" 2>&1 || return 2
    take_over_trust
    cp "$tar" "$base/root/fsscan.tar.gz"
    cp "$package" "$base/root/fsscan.deb"
    [[ $codename != "$own" || ! -f $mpi ]] || cp "$mpi" "$base/root/fsscan-mpi.deb"
    cp Tests/fresh/check_packages.sh "$base/root/"
    isolated env -i "${settings[@]}" LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "$PWD/Tests/fresh/enter.sh" "$base" root "$paths" sh -x ./check_packages.sh >"$logs/$codename.log" 2>&1 ||
        { tail -n 20 "$logs/$codename.log" >&2; return 1; }
}

failed=0 summary=()
(($# > 0)) || set -- bookworm trixie noble
for codename in "$@"; do
    say "$codename"
    status=0
    try "$codename" || status=$?
    case $status in
    0) summary+=("$codename: ok: $(grep -c '^ok ' "$logs/$codename.log") checks") ;;
    2)
        summary+=("$codename: not tried: no package source of this machine has it")
        [[ $codename != "$own" ]] || failed=1
        ;;
    *) summary+=("$codename: FAILED: see ${logs#"$PWD/"}/$codename.log") failed=1 ;;
    esac
    rm -rf --one-file-system "${work:?}/$codename"
done
printf '    %s\n' "${summary[@]}"
exit $failed
