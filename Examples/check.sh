#!/usr/bin/env bash
# `make examples`: builds the programs of this folder, runs each, and compares its output with that of other programs.
set -euo pipefail
cd "$(dirname "$0")"

swift build >&2
programs=$(swift build --show-bin-path)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# same NAME: standard input is the actual output, the file is the expected one.
same() {
    diff -u "$2" - >&2 || { echo "examples: $1 printed something else" >&2; exit 1; }
    echo "examples: $1 ok"
}

# find and awk count the same tree.
mkdir "$work/tree"
cp -r ../Sources ../Tests/WorkStealingTests "$work/tree"
find "$work/tree" -type f -printf '%s\n' | awk '{ bytes += $1 } END { print NR " files, " bytes " bytes" }' >"$work/size"
"$programs/FirstActor" "$work/tree" | same FirstActor <(echo "$(find "$work/tree" -mindepth 1 -maxdepth 1 | wc -l) entries")
"$programs/FanOut" "$work/tree" | same FanOut <(echo "$(find "$work/tree" -type d | wc -l) directories")
for threads in 1 2 8; do "$programs/TreeSize" "$work/tree" $threads | same "TreeSize on $threads" "$work/size"; done

# tr, sort and uniq count the same words. (No `head`: it ends before `sort` has written everything, and `sort` then
# fails.)
tr -cs 'A-Za-z' '\n' <../Sources/WorkStealing/Mailbox.swift | grep . | tr 'A-Z' 'a-z' | LC_ALL=C sort | uniq -c |
    LC_ALL=C sort -k1,1nr -k2,2 | awk 'NR <= 10 { print $1, $2 }' >"$work/words"
# Only one of the two takes letters beyond ASCII for letters.
LC_ALL=C tr -d '\200-\377' <../Sources/WorkStealing/Mailbox.swift >"$work/text"
for threads in 1 2 8; do "$programs/Pipeline" "$work/text" $threads | same "Pipeline on $threads" "$work/words"; done

# sort sorts the same lines, and wc finds the longest.
cat ../Sources/*/*.swift >"$work/lines"
LC_ALL=C sort "$work/lines" >"$work/sorted"
for threads in 1 2 8; do
    "$programs/MergeSort" "$work/lines" $threads 2>"$work/summary" | same "MergeSort on $threads" "$work/sorted"
    # awk counts bytes there; wc -L would count columns.
    LC_ALL=C awk '{ if (length > longest) longest = length } END { print NR " lines, the longest has " longest " bytes" }' \
        "$work/lines" | same "its reduction" "$work/summary"
done

for concurrency in 1 2 3; do
    "$programs/ArticleGraph" $concurrency >"$work/graph"
    # The node that was awaited last may differ from run to run.
    grep -v '^critical:' "$work/graph" | same "ArticleGraph with $concurrency" ArticleGraph/expected.txt
    sed -n '/^digraph/,$p' "$work/graph" | dot -Tplain | grep -c '^edge' | same "its drawing" <(echo 3)
done

# The times depend on the machine. The other checks do not: all messages ran, and the program checks its own statistics.
for threads in 1 2 4; do
    "$programs/BlockedWorkers" $threads 32 >"$work/blocked"
    cat "$work/blocked" >&2
    pools=$([ $threads = 1 ] || echo "fixed 301"; echo "with 301")
    awk 'NR > 1 { print $1, ($1 == "fixed" ? $2 : $4) }' "$work/blocked" | same "BlockedWorkers on $threads" <(echo "$pools")
done
