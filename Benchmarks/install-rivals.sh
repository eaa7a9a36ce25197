#!/usr/bin/env bash
# Installs the other programs of the benchmarks, as root with apt-get; otherwise prints the command.
set -euo pipefail

packages=(
    hyperfine time strace python3 python3-venv util-linux openssl fuse3 # to measure
    findutils coreutils bfs fd-find gdu                                 # make bench, bench-cold, bench-latency
    golang-go g++ libtbb-dev cargo librust-tokio-dev                    # make bench-scheduler (the rest comes from PyPI)
    wrk                                                                 # make bench-http
    hashdeep rclone rhash b3sum xxhash file                             # make bench-content
    jdupes fdupes rdfind rmlint                                         # make bench-duplicates
    aide mtree-netbsd libcap2-bin attr                                  # make bench-compare
)

if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
else
    printf 'Run as root:\n\n    apt-get install --no-install-recommends %s\n' "${packages[*]}"
fi
