# shellcheck shell=bash
# The settings that a new system takes over from this machine: package sources, trust, proxies, the servers of git and
# pip, the toolchain. Sourced by fresh.sh and packages.sh, which set `work`, a directory for the systems, and `logs`. No
# host is named here: all come from the machine's own configuration.

child=

say() { printf '== %(%T)T %s\n' -1 "$*" >&2; }

# Ends all processes, and removes everything. No mount is visible here: they are all in the child's namespaces.
remove_all() {
    local first=
    if [[ $child ]]; then
        first=$(cat "/proc/$child/task/$child/children" 2>/dev/null || true)
        kill -KILL "$child" 2>/dev/null || true
        # The kernel ends the namespace's first process, and with it all others.
        for first in $first; do while [[ -e /proc/$first ]]; do sleep 0.1; done; done
    fi
    if grep -qF " $work" /proc/self/mountinfo; then
        echo "Something is mounted below $work: it stays." >&2
        return
    fi
    rm -rf --one-file-system "$work"
    # The owner of the checkout may remove the output.
    chown -R --reference=. "$logs"
}

clean_up_at_the_end() {
    trap remove_all EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# isolated COMMAND...: runs it in namespaces of its own, and waits so that a signal ends the waiting.
# Job control, because without it background processes of a shell ignore SIGINT.
isolated() {
    local status=0
    set -m
    unshare --mount --pid --fork --kill-child nice -n "${FRESH_NICE:-0}" "$@" </dev/null &
    child=$!
    set +m
    wait "$child" || status=$?
    child=
    return $status
}

# debian_sources: the sources of the distribution's packages, a line `deb …` each.
debian_sources() {
    known_sources | grep . || { apt-get update -qq && known_sources; }
}

# The origin of a source is known only once its index has been fetched.
known_sources() {
    local distribution
    distribution=$(. /etc/os-release && echo "$ID")
    apt-get indextargets 'Created-By: Packages' --format '$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' |
        sed -n "s/^$distribution \(deb .*\)/\1/Ip" | sort -u
}

# apt_options: proxies and how archives are checked, as apt configuration.
apt_options() { apt-config dump Acquire | grep -E '^Acquire::(http|https|ftp|Check-|Allow|Retries)' || true; }

# toolchain: the directory that holds the toolchain's bin/ and lib/, also where `swift` is a link or swiftly's.
toolchain() {
    local resources
    resources=$("${SWIFT:-swift}" -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
    realpath "$resources/../.."
}

# carry PATH: shows the path in the new system, read-only. It hides nothing that the system has itself.
carry() { [[ ! -e $1 || -e $base$1 ]] || grep -qxF -- "$1" "$paths" || printf '%s\n' "$1" >>"$paths"; }

# carry_named: carries each absolute path that standard input names.
carry_named() {
    local path
    { grep -oE '(^|[[:space:]=:'\''"])/[^[:space:]'\''":]+' || true; } | sed -E 's/^[^/]//; s:/$::' |
        while read -r path; do carry "$path"; done
}

# environment: NAME=VALUE of the variables for network and trust, each ended by NUL.
environment() {
    local names='[a-z]+_proxy|[A-Z]+_PROXY|PIP_[A-Z_]+|SSL_CERT_(FILE|DIR)|[A-Z_]*CA_BUNDLE|GIT_SSL_CAINFO'
    env -0 | grep -zE "^($names)=" || true
}

take_over_trust() {
    cp -L /etc/resolv.conf /etc/hosts "$base/etc/"
    cp -r /etc/apt/trusted.gpg.d "$base/etc/apt/"
    [[ ! -d /etc/apt/keyrings ]] || cp -r /etc/apt/keyrings "$base/etc/apt/"
    [[ ! -d /usr/local/share/ca-certificates ]] || cp -rL /usr/local/share/ca-certificates "$base/usr/local/share/"
    chroot "$base" update-ca-certificates >/dev/null 2>&1
}

# Where git finds repositories instead, and its proxies; no credentials.
take_over_git() {
    local scope key value repository
    for scope in system global; do
        git config --$scope -z --get-regexp '^(url\..*\.insteadof|http\.(.*\.)?(proxy|sslcainfo|sslcapath))$' || true
    done | while IFS=$'\n' read -r -d '' key value; do
        git config --file "$base/etc/gitconfig" --add "$key" "$value"
        printf '%s\n%s\n' "$(sed -E 's/^url\.(.*)\.insteadof$/\1/' <<<"$key")" "$value" | carry_named
    done
    # git clones another user's local repository only if it is declared safe.
    while read -r value; do find "$value" -maxdepth 4 -name '*.git' -prune; done <"$paths" |
        while read -r repository; do
            git config --file "$base/etc/gitconfig" --add safe.directory "$repository"
        done
}

take_over_pip() {
    local file home
    for file in /etc/xdg/pip/pip.conf /etc/pip.conf; do
        [[ ! -r $file ]] || { install -D -m 644 "$file" "$base$file" && carry_named <"$file"; }
    done
    # The user's own file, for users with a home directory, and for new ones.
    for file in .pip/pip.conf .config/pip/pip.conf; do
        [[ -r ~/$file ]] || continue
        for home in /root /etc/skel; do install -D -m 644 ~/"$file" "$base$home/$file"; done
        carry_named <~/"$file"
    done
    environment | tr '\0' '\n' | carry_named
}
