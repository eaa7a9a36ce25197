#!/usr/bin/env bash
# Makes the next run a cold one: drop-caches.sh PROGRAM... (root only).
#
# sync first, because only clean pages are dropped. Then each program is started once, so that the run measures reading
# the tree, not reading the program (a static one would be punished for its size).
set -euo pipefail
sync
echo 3 >/proc/sys/vm/drop_caches
for program in "$@"; do
    "$program" --version >/dev/null 2>&1 || true
done
