#!/bin/sh
# Installs the files that `make build` has built, or removes them again: `make install`, `make uninstall`.
#
#   install.sh install|uninstall      with PREFIX, DESTDIR and BUILD, where the programs are, in the environment
#
# Builds nothing: root needs no Swift for it, and leaves no file in .build. It removes the files that this version
# installs.
set -eu
cd "$(dirname "$0")/.."
mode=${1:-} PREFIX=${PREFIX:-/usr/local} build=${BUILD:-.build/release}
root=${DESTDIR:-}$PREFIX

# `put MODE SOURCE TARGET`: TARGET is below PREFIX. `made TARGET COMMAND...`: installs the output of a command.
case $mode in
install)
    for program in fsscan fsscan-magic; do
        [ -x "$build/$program" ] && continue
        echo "make install installs what make build makes, and $build/$program is missing. Run make build first;" >&2
        echo "it need not be root who does." >&2
        exit 1
    done
    put() { install -D -m "$1" "$2" "$root/$3"; }
    program() { install -D -s -m 755 "$1" "$root/$2"; }
    made() {
        target=$1
        shift
        text=$("$@")
        printf '%s\n' "$text" | install -D -m 644 /dev/stdin "$root/$target"
    }
    ;;
uninstall)
    put() { rm -f "$root/$3"; }
    program() { rm -f "$root/$2"; }
    made() { rm -f "$root/$1"; }
    ;;
*)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac

program "$build/fsscan" bin/fsscan
program "$build/fsscan-magic" libexec/fsscan/fsscan-magic

# fsscan-mpi has a package of its own.
for page in docs/man/*.1; do
    [ "$page" = docs/man/fsscan-mpi.1 ] || put 644 "$page" "share/man/man1/${page##*/}"
done

# Debian's zsh looks for packages' files in a directory of its own.
case $PREFIX in
/usr) functions=vendor-completions ;;
*) functions=site-functions ;;
esac
made share/bash-completion/completions/fsscan "$build/fsscan" --generate-completion-script bash
made share/zsh/$functions/_fsscan "$build/fsscan" --generate-completion-script zsh
made share/fish/vendor_completions.d/fsscan.fish "$build/fsscan" --generate-completion-script fish

for unit in contrib/*.service contrib/*.timer; do
    made "lib/systemd/system/${unit##*/}" sed "s#/usr/local/\(bin\|libexec\)/fsscan#$PREFIX/\1/fsscan#" "$unit"
done
put 755 contrib/fsscan-alert libexec/fsscan/fsscan-alert
put 644 contrib/fsscan-sysusers.conf lib/sysusers.d/fsscan.conf

# In the layout of the repository, so that links between them work.
for file in README.md CHANGELOG.md SECURITY.md LICENSE docs/*.md schema/*.json; do
    put 644 "$file" "share/doc/fsscan/$file"
done

if [ "$mode" = uninstall ]; then
    # Its own directories; shared ones stay.
    for directory in libexec/fsscan share/doc/fsscan/docs share/doc/fsscan/schema share/doc/fsscan; do
        [ ! -d "$root/$directory" ] || rmdir --ignore-fail-on-non-empty "$root/$directory"
    done
fi
