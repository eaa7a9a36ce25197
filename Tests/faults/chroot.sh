#!/bin/bash
# Makes DIRECTORY a root with programs and the libraries they need, and nothing else: chroot.sh DIRECTORY PROGRAM...
set -eu
root=$1
shift
mkdir -p "$root/bin" "$root/proc" "$root/tmp"
for program; do
    path=$(command -v "$program")
    cp "$path" "$root/bin"
    # "name => /path (address)", and the loader, "/path (address)".
    ldd "$path" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$root${library%/*}"
        cp -nL "$library" "$root$library"
    done
done
