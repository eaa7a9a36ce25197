#!/usr/bin/env bash
# `make examples`: builds the programs of this folder, runs each, and compares its output with that of other programs.
set -euo pipefail
cd "$(dirname "$0")"

swift build >&2
programs=$(swift build --show-bin-path)
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill $server; rm -rf "$work"' EXIT

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

# curl asks the server, jq reads its JSON, and factor counts the primes.
serve() {
    : >"$work/server"
    "$programs/HTTPServer" 0 "$1" "$2" >"$work/server" &
    server=$!
    for ((wait = 0; wait < 300; wait++)); do
        port=$(sed -n 's/^port //p' "$work/server")
        [[ -n $port ]] && return
        kill -0 $server || break
        sleep 0.1
    done
    echo "examples: HTTPServer does not start" >&2
    exit 1
}
get() { curl --silent --show-error --max-time 60 "http://127.0.0.1:$port$1"; }
seq 2 19999 | factor | awk 'NF == 2 { primes++ } END { print primes " primes" }' >"$work/primes"

for executor in pool swift; do
    serve $executor 1
    get /plaintext | same "HTTPServer on $executor" <(printf 'Hello, World!')
    get /json | jq -r .message | same "its JSON" <(echo 'Hello, World!')
    get /computing | same "its computing handler" "$work/primes"
    get /none | same "its answer to unknown paths" <(echo 'not found')
    curl --silent --head --max-time 60 "http://127.0.0.1:$port/plaintext" | tr -d '\r' | head -1 |
        same "its answer to HEAD" <(echo 'HTTP/1.1 200 OK')
    # Two requests on one connection, then many connections, most of which wait for handlers that block.
    curl --silent --max-time 60 "http://127.0.0.1:$port/plaintext" "http://127.0.0.1:$port/blocking" |
        same "its second answer" <(printf 'Hello, World!waited\n')
    seq 40 | xargs -P 40 -I{} curl --silent --max-time 60 "http://127.0.0.1:$port/blocking" |
        same "its blocking handlers" <(yes waited | head -40)
    # A connection without a request does not keep it from ending.
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    kill -TERM $server
    wait $server
    server=
    exec 3>&-
    # One thread was blocked while 39 connections waited, so the pool has others.
    awk -v executor=$executor '/^at most/ { print (executor == "pool" ? $3 > 1 : $3 == 1) }' "$work/server" |
        same "the number of its threads" <(echo 1)
done
