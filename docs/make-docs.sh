#!/usr/bin/env bash
# `make docs`: builds the library's documentation with docc from the Swift toolchain. A warning is an error: a link to a
# missing symbol, an article that no page links to.
#
#     docs/make-docs.sh OUTPUT
set -euo pipefail
cd "$(dirname "$0")/.."

modules=$(swift build --show-bin-path)/Modules
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT
for module in WorkStealing TaskGraphs; do
    mkdir "$graphs/$module"
    swift symbolgraph-extract -module-name "$module" -I "$modules" -Xcc "-fmodule-map-file=$modules/../CLinux.build/module.modulemap" -target "$(uname -m)-unknown-linux-gnu" \
        -minimum-access-level public -skip-synthesized-members -output-dir "$graphs/$module"
done
# docc gives its copies of the page's template the template's owner. An ordinary user cannot do that if the toolchain is
# root's.
template=$(dirname "$(dirname "$(readlink -f "$(command -v docc)")")")/share/docc/render
if [ -d "$template" ]; then
    cp -r "$template" "$graphs/template"
    export DOCC_HTML_DIR=$graphs/template
fi
rm -rf "$1"
mkdir -p "$1"
for module in WorkStealing TaskGraphs; do
    docc convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs/$module" \
        --output-dir "$1/$module" --fallback-display-name "$module" \
        --fallback-bundle-identifier "org.fsscan.$module" --warnings-as-errors
    echo "docs: $1/$module/documentation/$(echo "$module" | tr '[:upper:]' '[:lower:]')"
done
