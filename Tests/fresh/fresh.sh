#!/usr/bin/env bash
# `make fresh`: builds and tests on a new Debian that has nothing else installed.
#
#   fresh.sh root|user...      FRESH_TEST=test: `make test` instead of `make test-all`
#
# Makes a minimal system from this machine's package sources, with the packages that the README asks for, and the
# toolchain, read-only. In one copy of it root runs `make scan DIR=/usr` and `make test-all`, in another an ordinary
# user, for whom root runs only the command that make printed. The checkout there has the files that git tracks here, as
# they are.
#
# Output is kept in .build-fresh/. The systems are made in FRESH_DIR (default /var/tmp; 8 GB for each) and are removed,
# whatever happens; their mounts are in namespaces of their own. FRESH_NICE (default 0) is their niceness.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Tests/fresh/machine.sh

(($# > 0)) || { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 64; }
[[ $EUID -eq 0 ]] || { echo "make fresh needs root: it makes a Debian system and mounts in it." >&2; exit 1; }

logs=$PWD/.build-fresh
rm -rf "$logs"
mkdir -p "$logs"
work=$(mktemp -d "${FRESH_DIR:-/var/tmp}/fsscan-fresh-XXXXXX")
chmod 755 "$work"
base=$work/base paths=$work/paths
: >"$paths"
summary=()
clean_up_at_the_end

# base_failed: prints the reason why there is no system.
base_failed() {
    tail -n 20 "$logs/base.log" >&2
    exit 1
}

# Installs the list of the README.
prerequisites() {
    sed -n '/^apt-get install/,/[^\\]$/p' README.md | tr -d '\\' | tr -s ' \n' '\n' | grep -vE '^(apt-get|install|-.*)$'
}

make_base() {
    local codename sources packages tool first
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    sources=$(debian_sources)
    [[ $sources ]] || { echo "/etc/apt names no sources of this distribution." >&2; exit 1; }
    packages=$(prerequisites | paste -sd,)
    apt_options >"$work/apt.conf"
    tool=$(command -v mmdebstrap || command -v debootstrap || true)
    if [[ ! $tool ]]; then
        Tests/oracles/packages.sh mmdebstrap
        tool=$(command -v mmdebstrap)
    fi
    say "a minimal $codename with ${tool##*/}"
    if [[ $tool == */mmdebstrap ]]; then
        mapfile -t lines <<<"$sources"
        isolated mmdebstrap --variant=minbase --aptopt="$work/apt.conf" --include="$packages" "$codename" "$base" \
            "${lines[@]}" >"$logs/base.log" 2>&1 || base_failed
    else
        # It knows one source, and packages of that name alone; apt does the rest.
        first=$(grep " $codename main$" <<<"$sources" | head -n 1 | cut -d ' ' -f 2)
        isolated debootstrap --variant=minbase --include=ca-certificates "$codename" "$base" "$first" \
            >"$logs/base.log" 2>&1 || base_failed
        printf '%s\n' "$sources" >"$base/etc/apt/sources.list"
        cp "$work/apt.conf" "$base/etc/apt/apt.conf.d/99fresh"
        cp -L /etc/resolv.conf "$base/etc/"
        DEBIAN_FRONTEND=noninteractive isolated chroot "$base" sh -c "apt-get update &&
            apt-get install -y --no-install-recommends ${packages//,/ } &&
            apt-get clean && rm -rf /var/lib/apt/lists/*" \
            >>"$logs/base.log" 2>&1 || base_failed
    fi
    take_over_trust
    take_over_git
    take_over_pip
    swift=$(toolchain)
    if [[ $swift == /usr ]]; then
        echo "The toolchain is in /usr. It needs a directory of its own, which the new system can see." >&2
        exit 1
    fi
    printf '%s\n' "$swift" >>"$paths"
    mapfile -t -d '' settings < <(environment)
}

# system USER: a copy of the base system with a checkout in the home directory of USER.
make_system() {
    local user=$1 home=/root
    system=$work/$user
    cp -a --reflink=auto "$base" "$system"
    if [[ $user != root ]]; then
        home=/home/$user
        chroot "$system" useradd --create-home --shell /bin/bash "$user"
    fi
    mkdir "$system$home/fsscan"
    # Files that were deleted here without a commit are missing.
    git ls-files -z | tar -c --null --no-recursion --ignore-failed-read -T - 2>/dev/null |
        tar -x --no-same-owner -C "$system$home/fsscan"
    chroot "$system" chown -R "$user:" "$home/fsscan"
}

# in_system USER COMMAND...
in_system() {
    local user=$1
    shift
    isolated env -i "${settings[@]}" LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH="$swift/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        "$PWD/Tests/fresh/enter.sh" "$system" "$user" "$paths" "$@"
}

# step USER NAME COMMAND...: one line of the summary, one log. An ordinary user's command may fail once, and name the
# packages that root has to install.
step() {
    local user=$1 name=$2 log=$logs/$1-$2.log status=0 begin=$SECONDS help result line
    shift 2
    say "$user: $*"
    in_system "$user" sh -c 'cd fsscan && "$@"' sh "$@" >"$log" 2>&1 || status=$?
    help=$(sed -n 's/^    \(apt-get update && apt-get install .*\)/\1/p' "$log" | tail -n 1)
    if [[ $status -ne 0 && $user != root && $help ]]; then
        say "root: $help"
        in_system root sh -c "$help" >"$logs/$user-$name-packages.log" 2>&1
        summary+=("$user: make asked for $(wc -w <<<"${help##*--no-remove}") packages")
        status=0
        in_system "$user" sh -c 'cd fsscan && "$@"' sh "$@" >"$log" 2>&1 || status=$?
    fi
    result=ok
    [[ $status -eq 0 ]] || { result="FAILED, status $status" failed=1; tail -n 30 "$log" >&2; }
    summary+=("$user: $*: $result, $((SECONDS - begin)) s")
    # Swift Testing's own lines, and those of the hostile trees and the benchmarks' tools.
    while read -r line; do summary+=("    $line"); done < <(
        grep -aoE 'Test run with .*' "$log"
        sed -nE -e 's/^[^A-Za-z]*((Test|Suite) .*) skipped(: |\.)/skipped: \1: /p' \
            -e 's/^(.*) \| not tried \| skipped: /skipped: \1: /p' -e 's/^== [0-9:]* skipped: /skipped: /p' "$log"
    )
    return $status
}

# Notes how many packages the system has.
count() { counts+=("$(chroot "$system" dpkg-query -W | wc -l)"); }

failed=0
make_base
for user in "$@"; do
    case $user in
    root) name=root ;;
    *) name=tester ;;
    esac
    make_system "$name"
    counts=()
    count
    if step "$name" scan make scan DIR=/usr; then
        count
        step "$name" test make "${FRESH_TEST:-test-all}" || true
        count
    fi
    summary+=("$name: packages before, after each: ${counts[*]}; $(du -s -BM "$system" | cut -f 1) on disk")
    rm -rf --one-file-system "$system"
done

untracked=$(git ls-files --others --exclude-standard | wc -l)
[[ $untracked -eq 0 ]] || summary+=("$untracked files that git does not track were not in the checkout")
printf '\nmake fresh: %s\n' "$([[ $failed -eq 0 ]] && echo ok || echo FAILED)"
printf '    %s\n' "${summary[@]}"
echo "The output is in ${logs#"$PWD/"}/."
exit $failed
