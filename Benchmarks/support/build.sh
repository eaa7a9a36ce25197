#!/usr/bin/env bash
# Builds the C tools of the benchmarks, all of them, so that a mistake shows before an hour of measuring.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for source in "$benchmarks"/*/*.c; do
    build_tool "$(basename "$source" .c)"
done
