#!/usr/bin/env bash
# `make bench-compare`: has the tree changed? fsscan verify, verify --quick, diff and --baseline beside AIDE, hashdeep
# -a and mtree: times, and the changes of a fixed list that each of them finds.
#
# Times are of an unchanged tree (/usr), with each tool's own database, SHA-256 and all the metadata that it knows.
# Changes are made in a small generated tree, the same for each tool. Variables beside those of support/common.sh:
# COMPARE_TREE (/usr), COMPARE_RUNS (2), COMPARE_FILES (2000).

# shellcheck source-path=SCRIPTDIR source=support/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/common.sh"

COMPARE_TREE=${COMPARE_TREE:-/usr}
COMPARE_RUNS=${COMPARE_RUNS:-2}
COMPARE_FILES=${COMPARE_FILES:-2000}

require_root "$0" "changes owners and capabilities"
require_fsscan
require hyperfine python3 aide hashdeep mtree setcap setfattr

work=$(mktemp -d "$TREES/compare.XXXXXX")
trap 'rm -rf "$work"' EXIT

# --- Each tool, one tree --------------------------------------------------------------------------------------------

# AIDE reads only the configuration of its command line. `R` would leave out SHA-256, ACLs, attributes and capabilities.
# One worker for each thread (0.18 has them); no compression, because the others do not compress.
aide_configuration() {
    printf '%s\n' "database_in=file:$2" "database_out=file:$2.new" gzip_dbout=no "num_workers=$THREADS" \
        "All = p+i+n+u+g+s+b+m+c+ftype+l+acl+xattrs+caps+e2fsattrs+sha256" "$1 All"
}

# prepare NAME TREE: each tool's own database of the tree.
prepare() {
    local name=$work/$1 tree=$2
    aide_configuration "$tree" "$name.aide" >"$name.aide.conf"
    aide --config="$name.aide.conf" --init >/dev/null 2>&1 || [[ -s $name.aide.new ]]
    mv "$name.aide.new" "$name.aide"
    hashdeep -j"$THREADS" -c sha256 -r -s -o f "$tree" >"$name.hashdeep" 2>/dev/null || true
    mtree -c -K sha256 -p "$tree" >"$name.mtree" 2>/dev/null
    rm -f "$name.db"
    "$FSSCAN" --threads "$THREADS" --hash sha256 "${xattrs[@]}" --save "$name.db" "$tree" >/dev/null 2>&1 || true
}

# --xattrs is newer than the rest.
xattrs=()
if "$FSSCAN" --xattrs /dev/null >/dev/null 2>&1; then xattrs=(--xattrs); fi

# command_of TOOL NAME TREE: the command that compares the tree with the database.
command_of() {
    local name=$work/$2 tree=$3
    case $1 in
    aide) printf '%s' "aide --config=$name.aide.conf --check" ;;
    hashdeep) printf '%s' "hashdeep -j$THREADS -c sha256 -r -s -o f -a -v -v -k $name.hashdeep $tree" ;;
    mtree) printf '%s' "mtree -f $name.mtree -p $tree" ;;
    verify) printf '%s' "$FSSCAN verify --threads $THREADS $name.db" ;;
    quick) printf '%s' "$FSSCAN verify --quick --threads $THREADS $name.db" ;;
    diff) printf '%s' "$FSSCAN diff $name.db#1 $name.db#2" ;;
    esac
}

# --- Times ----------------------------------------------------------------------------------------------------------

warm "$COMPARE_TREE"
say "databases of $COMPARE_TREE"
prepare times "$COMPARE_TREE"
# The second scan, for diff, without reading files again.
"$FSSCAN" --threads "$THREADS" --hash sha256 "${xattrs[@]}" --baseline "$work/times.db" --save "$work/times.db" \
    "$COMPARE_TREE" >/dev/null 2>&1 || true

scan="$FSSCAN $COMPARE_TREE --threads $THREADS --json -o /dev/null"
no_facts compare-full
fact compare-full label "$COMPARE_TREE unchanged, everything read, warm"
fact compare-full entries "$(find "$COMPARE_TREE" -printf '\n' | wc -l)"
contender "fsscan verify" "$(command_of verify times "$COMPARE_TREE")"
contender "aide --check" "$(command_of aide times "$COMPARE_TREE")"
contender "hashdeep -a" "$(command_of hashdeep times "$COMPARE_TREE")"
contender "mtree -f" "$(command_of mtree times "$COMPARE_TREE")"
ROUNDS=$COMPARE_RUNS RUNS=1 WARMUP=0 measure compare-full

no_facts compare-quick
fact compare-quick label "$COMPARE_TREE unchanged, only what looks changed is read, warm"
fact compare-quick entries "$(find "$COMPARE_TREE" -printf '\n' | wc -l)"
contender "scan, no digests" "$scan"
contender "scan, baseline" "$scan --hash sha256 --baseline $work/times.db"
contender "verify --quick" "$(command_of quick times "$COMPARE_TREE")"
contender "diff, two saved" "$(command_of diff times "$COMPARE_TREE")"
measure compare-quick

# --- Findings -------------------------------------------------------------------------------------------------------

# A change: its name, and shell commands on the files of one directory each.
changes=(
    "content, times set back" 'touch -r victim "$work/stamp"; printf "CHANGED!" >victim; touch -r "$work/stamp" victim'
    "setuid" "chmod u+s victim"
    "owner" "chown 4711 victim"
    "capability" "setcap cap_net_raw+ep victim"
    "attribute" "setfattr -n user.note -v x victim"
    "deleted file" "rm victim"
    "added file" "echo new >added"
    "moved file" "mv victim moved"
    "symlink's target" "ln -sfn /elsewhere link"
    "file replaced by a directory" "rm victim; mkdir victim"
    "added empty directory" "mkdir added"
)

# make_victims: a directory for each change, in a tree with other files around.
tree=$(make_tree compare files "$COMPARE_FILES" 64 16384 20)
rm -rf "$tree"/victims
mkdir "$tree/victims"
for ((index = 0; index < ${#changes[@]}; index += 2)); do
    directory=$tree/victims/$((index / 2))
    mkdir "$directory"
    # Another content for each: hashdeep knows files by it.
    printf 'victim%02d' $((index / 2)) >"$directory/victim"
    ln -s /bin/true "$directory/link"
done
prepare changes "$tree"
for ((index = 0; index < ${#changes[@]}; index += 2)); do
    # shellcheck disable=SC2030,SC2031
    (cd "$tree/victims/$((index / 2))" && eval "${changes[index + 1]}")
done

tools_compared=(verify quick aide hashdeep mtree)
for tool in "${tools_compared[@]}"; do
    eval "$(command_of "$tool" changes "$tree")" >"$work/found.$tool" 2>&1 && status=0 || status=$?
    fact compare-quick "status_$tool" "$status"
    # A finding is a line that names something in the directory of the change. AIDE writes whole paths, mtree paths
    # below the root.
    for ((index = 0; index < ${#changes[@]}; index += 2)); do
        if [[ $tool == hashdeep ]]; then
            pattern="victims/$((index / 2))/.*: (No match|Moved|Unknown|Known file not used)|victims/$((index / 2))/.*Moved"
        else
            pattern="victims/$((index / 2))(/|[: ])"
        fi
        if grep -q -E "$pattern" "$work/found.$tool"; then found=yes; else found=no; fi
        printf '%s\t%s\t%s\n' "$tool" "${changes[index]}" "$found"
    done
done >"$results/compare.found"

# Sizes of the databases, too.
for kind in db aide hashdeep mtree; do fact compare-full "bytes_$kind" "$(stat -c %s "$work/times.$kind")"; done

report compare --title "Has it changed?" --tools "aide hashdeep mtree" \
    --result compare-full --result compare-quick --ratio "fsscan verify" --ratio "scan, no digests" \
    --target "--baseline ÷ a scan without digests" \
    "t('compare-quick', 'scan, baseline') / t('compare-quick', 'scan, no digests')" "<= 1.3" \
    --target "aide --check ÷ verify" "t('compare-full', 'aide --check') / t('compare-full', 'fsscan verify')" ">= 1"
python3 "$benchmarks/support/found.py" "$results/compare.found" "${tools_compared[@]}" | tee -a "$results/compare.md"
