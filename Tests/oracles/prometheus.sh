#!/bin/sh
# Puts promtool and the parser of Prometheus' Python client into .venv/prometheus: they read --format openmetrics in the
# tests. The packages are unpacked and not installed, as Debian's prometheus starts a server.
#
# They are optional: if they cannot be had, a line says so, and the tests that use them are skipped.
set -eu
target=$(cd "$(dirname "$0")/../.." && pwd)/.venv/prometheus
packages=$target/usr/lib/python3/dist-packages
[ ! -x "$target/usr/bin/promtool" ] || [ ! -e "$packages/decorator.py" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if (cd "$work" && apt-get download -qq prometheus python3-prometheus-client python3-decorator >log 2>&1); then
    for package in "$work"/*.deb; do dpkg -x "$package" "$work/unpacked"; done
    mkdir -p "$target/usr/bin" "$packages"
    # Last the file that is looked for above.
    for module in prometheus_client decorator.py; do
        cp -r "$work/unpacked/usr/lib/python3/dist-packages/$module" "$packages/"
    done
    cp "$work/unpacked/usr/bin/promtool" "$target/usr/bin/promtool.new"
    mv "$target/usr/bin/promtool.new" "$target/usr/bin/promtool"
else
    echo "promtool cannot be had here, so that the tests that ask it are skipped: $(tail -n 1 "$work/log")" >&2
fi
