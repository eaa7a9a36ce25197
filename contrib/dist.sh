#!/bin/sh
# `make dist`: a tar file with the program, its helper and their documents, to unpack in /usr/local.
#
#   dist.sh DIRECTORY
#
# docs/INSTALL.md lists the systems that it runs on, and their packages. This script checks that. The Swift runtime and
# the C++ library are linked in. The same commit produces the same names, owners and times.
set -eu
cd "$(dirname "$0")/.."
out=$1
program=.build/release/fsscan helper=.build/release/fsscan-magic

# Debian 12's version: it is the oldest of the systems.
newest_glibc=2.36
libraries="ld-linux-aarch64.so.1 ld-linux-x86-64.so.2 libc.so.6 libcrypto.so.3 libgcc_s.so.1 libm.so.6 libmagic.so.1
    libncursesw.so.6 libtinfo.so.6 libsqlite3.so.0"

for file in $program $helper; do
    for library in $(readelf -dW $file | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        case " $(echo $libraries) " in
        *" $library "*) ;;
        *)
            echo "$file needs $library, which docs/INSTALL.md does not name." >&2
            exit 1
            ;;
        esac
    done
    version=$(readelf -W --dyn-syms $file | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    if [ "$(printf '%s\n' "${version#GLIBC_}" $newest_glibc | sort -V | tail -n 1)" != $newest_glibc ]; then
        echo "$file needs $version: it does not run on Debian 12. Build it there." >&2
        exit 1
    fi
done

name=fsscan-$($program --version | head -n 1)-$(uname -m)-linux
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
rm -rf "$out"
mkdir -p "$out"
DESTDIR=$PWD/$out/root PREFIX=/usr/local contrib/install.sh install
tar -cf "$out/$name.tar" -C "$out/root/usr/local" --sort=name --owner=root:0 --group=root:0 --mtime="@$time" \
    --transform "s|^\.|$name|" .
gzip -9n "$out/$name.tar"
rm -rf "$out/root"
(cd "$out" && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
