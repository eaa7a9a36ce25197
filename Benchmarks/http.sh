#!/usr/bin/env bash
# `make bench-http`: Examples/HTTPServer on this package's pool beside the same server on Swift's own executor and Go's
# net/http, under wrk: throughput and 99th percentile, without handlers that block and with some.
#
# Variables: THREADS (2), CONNECTIONS (64), SECONDS_EACH (5), ROUNDS (5).

rounds=${ROUNDS:-5}
# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

require swift python3 wrk
examples=$benchmarks/../Examples
swift build --package-path "$examples" -c release --product HTTPServer >&2
arguments=(--swift "$(swift build --package-path "$examples" -c release --show-bin-path)/HTTPServer")

if have go; then
    [[ $tools/server-go -nt $benchmarks/http/server.go ]] || go build -o "$tools/server-go" "$benchmarks/http/server.go"
    arguments+=(--go "$tools/server-go")
else
    say "left out, not installed: go"
fi

python3 "$benchmarks/http/compare.py" "${arguments[@]}" --threads "$THREADS" --rounds "$rounds" \
    --connections "${CONNECTIONS:-64}" --seconds "${SECONDS_EACH:-5}" | tee "$results/http.md"
