#!/bin/sh
# Fills a directory with entries that file systems store differently: populate.sh DIRECTORY COUNT
set -eu
cd "$1"
mkdir -p a/b/c 'sp ace' many deep
head -c 100000 /dev/urandom >a/file
ln a/file a/b/link
ln a/file 'sp ace/link'
ln -s ../file a/b/symlink
ln -s "$(printf '%0200d' 0)" 'long symlink'
printf x >tiny
: >empty
truncate -s 10M sparse
{ head -c 5000 /dev/urandom; truncate -s 3M /dev/stdout; } >'sparse tail'
mkfifo fifo
mknod null c 1 3
mknod block b 240 17
printf y >"$(printf '%0255d' 0)"
cp --reflink=auto a/file 'sp ace/clone'
seq -f 'many/file %g' "$2" | tr '\n' '\0' | xargs -0 touch
# Holes in the directory's own blocks.
seq -f 'many/file %g' 1 3 "$2" | tr '\n' '\0' | xargs -0 rm
(cd deep && for level in $(seq 60); do mkdir "$level" && cd "$level"; done && printf z >bottom)
head -c 300 /dev/zero >a/b/c/zeros
