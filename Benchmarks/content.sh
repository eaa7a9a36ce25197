#!/usr/bin/env bash
# `make bench-content`: digests and MIME types, fsscan beside the tools that do one of them, warm and (as root) cold.
#
# Trees: /usr/share, a generated tree of many small files, and a few large files.
# Variables beside those of support/common.sh: SHARE_TREE (/usr/share), SMALL_FILES (40000), LARGE_FILES (8),
# LARGE_MIB (256), MIME_TREE (SHARE_TREE), MIME_ROUNDS (3; one run of `file` takes most of a minute), COLD (1).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

SHARE_TREE=${SHARE_TREE:-/usr/share}
SMALL_FILES=${SMALL_FILES:-40000}
LARGE_FILES=${LARGE_FILES:-8}
LARGE_MIB=${LARGE_MIB:-256}
MIME_TREE=${MIME_TREE:-$SHARE_TREE}
MIME_ROUNDS=${MIME_ROUNDS:-3}
COLD=${COLD:-1}

require_fsscan
require hyperfine python3 openssl
build_tool maketree

# find_xargs TREE XARGS PROGRAM: the usual pipeline. xargs splits by the length of a command line, which for thousands
# of files keeps both processes busy; for a few large ones XARGS has `-n 1`, else one process would get all of them.
find_xargs() { printf "sh -c \"find '%s' -type f -print0 | %s %s\"" "$1" "$2" "$3"; }

# Equal work: every regular file's bytes are read and digested once, symlinks are not followed. Output goes to
# /dev/null. Hard links: fsscan digests an inode once, the others each name; /usr/share and the generated trees have
# next to none.
contend_sha256() {
    local tree=$1 xargs=$2
    contender "fsscan sha256" "$FSSCAN $tree --threads $THREADS --hash sha256 --json -o /dev/null"
    contender "sha256sum" "$(find_xargs "$tree" "$xargs" sha256sum)"
    # Without -c it would take MD5 as well; -o f: regular files only (it hangs on a FIFO).
    contender "hashdeep" "hashdeep -j$THREADS -c sha256 -r -s -o f $tree"
    # --skip-links: it would complain of each. Checkers are its computing threads.
    contender "rclone" "rclone hashsum sha256 --quiet --skip-links --checkers $THREADS $tree"
    # Through xargs because `rhash -r` follows symlinks to files; it has one thread.
    if have rhash; then
        contender "rhash" "$(find_xargs "$tree" "xargs -0" "rhash --sha256")"
    fi
}

contend_others() {
    local tree=$1 xargs=$2 sum four=""
    # BLAKE3 is another, faster algorithm: for orientation, not equal work. It uses its threads inside of one file.
    if have b3sum; then
        contender "b3sum (BLAKE3)" "$(find_xargs "$tree" "xargs -0" "b3sum --num-threads $THREADS")"
    fi
    contender "fsscan xxh128" "$FSSCAN $tree --threads $THREADS --hash xxh128 --json -o /dev/null"
    if have xxhsum; then
        contender "xxhsum -H2" "$(find_xargs "$tree" "$xargs" "xxhsum -H2 -q")"
    fi
    contender "fsscan four" "$FSSCAN $tree --threads $THREADS --hash md5,sha1,sha256,sha512 --json -o /dev/null"
    for sum in md5sum sha1sum sha256sum sha512sum; do
        four+="find '$tree' -type f -print0 | $xargs $sum; "
    done
    contender "four sums in turn" "sh -c \"$four\""
}

# describe RESULT TREE LABEL
describe() {
    no_facts "$1"
    fact "$1" label "$3"
    # Sizes of regular files only: the digested bytes.
    fact "$1" bytes "$(find "$2" -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%.0f", sum }')"
}

declare -A trees labels
trees[share]=$SHARE_TREE
labels[share]=$SHARE_TREE
trees[small]=$(make_tree small-files files "$SMALL_FILES" 64 16384 20)
labels[small]="Generated, 64 bytes to 16 KiB each"
trees[large]=$(make_tree large-files files "$LARGE_FILES" $((LARGE_MIB << 20)) $((LARGE_MIB << 20)) "$LARGE_FILES")
labels[large]="Generated, $LARGE_MIB MiB each"

report_arguments=()
for name in share small large; do
    tree=${trees[$name]}
    xargs="xargs -0 -P$THREADS"
    [[ $name == large ]] && xargs+=" -n 1"
    label="${labels[$name]}: $(find "$tree" -type f -printf '\n' | wc -l) files"
    describe "content-$name" "$tree" "$label, warm"
    contend_sha256 "$tree" "$xargs"
    contend_others "$tree" "$xargs"
    warm "$tree"
    measure "content-$name"
    report_arguments+=(--result "content-$name")

    if [[ $COLD == 1 && -w /proc/sys/vm/drop_caches ]]; then
        describe "content-$name-cold" "$tree" "$label, cold"
        contend_sha256 "$tree" "$xargs"
        PREPARE="$benchmarks/support/drop-caches.sh $FSSCAN find xargs sha256sum hashdeep rclone rhash" \
            RUNS=1 WARMUP=0 measure "content-$name-cold"
        report_arguments+=(--result "content-$name-cold")
    fi
done
[[ -w /proc/sys/vm/drop_caches ]] || say "the cold half is left out: dropping caches needs root"

# One core of OpenSSL, in pieces of 1 MiB: the limit for any program that uses its code. Bytes a second.
speed=$(openssl speed -mr -evp sha256 -bytes 1048576 -seconds 3 2>/dev/null | awk -F : '/^\+F/ { print $NF }')
fact content-large openssl_sha256 "$speed"

# `file` gets its list, as in the issue; one for each of its runs would only add a find. LC_ALL=C is in common.sh:
# libmagic asks the locale which bytes are text, so both get the same locale.
describe content-mime "$MIME_TREE" "$MIME_TREE, MIME types, warm"
list=$(mktemp)
trap 'rm -f "$list" "$list".*' EXIT
find "$MIME_TREE" -type f ! -name $'*\n*' >"$list"
contender "fsscan mime" "$FSSCAN $MIME_TREE --threads $THREADS --mime --json -o /dev/null"
contender "file" "file --mime-type -f $list"
warm "$MIME_TREE"
ROUNDS=$MIME_ROUNDS RUNS=1 WARMUP=0 measure content-mime
file --no-pad --print0 --mime-type --files-from "$list" >"$list.file"
if "$FSSCAN" "$MIME_TREE" --mime --ndjson -o "$list.fsscan"; then
    fact content-mime different "$(python3 "$benchmarks/support/mime_agreement.py" "$list.file" "$list.fsscan")"
fi

report content --title "Content" --tools "find sha256sum hashdeep rclone rhash b3sum xxhsum file openssl" \
    "${report_arguments[@]}" --result content-mime --ratio "fsscan sha256" --ratio "fsscan mime" \
    --target "large files: SHA-256 ÷ ($THREADS × openssl speed)" \
    "rate('content-large', 'fsscan sha256') / ($THREADS * fact('content-large', 'openssl_sha256'))" ">= 0.95" \
    --target "generated small files: find|xargs sha256sum ÷ fsscan" \
    "t('content-small', 'sha256sum') / t('content-small', 'fsscan sha256')" ">= 4" \
    --target "$SHARE_TREE: find|xargs sha256sum ÷ fsscan" \
    "t('content-share', 'sha256sum') / t('content-share', 'fsscan sha256')" ">= 4" \
    --target "MIME types: file ÷ fsscan" "t('content-mime', 'file') / t('content-mime', 'fsscan mime')" ">= 1.9" \
    --target "MIME types: files with different answers" "fact('content-mime', 'different')" "<= 0"
