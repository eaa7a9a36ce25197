#!/usr/bin/env bash
# `make bench-clean`: removes the trees that the benchmarks made, and nothing that they did not make.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
build_tool maketree
for note in "$TREES"/*.made; do
    [[ -e $note ]] && "$tools/maketree" "${note%.made}" remove
done
rmdir "$TREES"
