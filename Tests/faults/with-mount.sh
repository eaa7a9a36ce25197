#!/bin/sh
# Makes a file system, fills it, mounts it below DIRECTORY, and runs a command: with-mount.sh TYPE DIRECTORY COUNT
# COMMAND... Run it in a mount namespace of its own: when that ends, all mounts and their loop devices go.
set -eu
type=$1 work=$2 count=$3
here=$(cd "$(dirname "$0")" && pwd)
shift 3
mkdir -p "$work/mount" "$work/parts"
# make SIZE COMMAND...: an image that the command makes a file system in.
make() {
    truncate -s "$1" "$work/image"
    shift
    "$@" "$work/image" >/dev/null 2>&1
    mount -o loop "$work/image" "$work/mount"
}
case $type in
# Inodes for the long form's files.
ext4) make 400M mkfs.ext4 -N 250000 ;;
# Its directories are lists: for each new file it searches all names.
ext4-small-inodes)
    count=$((count > 20000 ? 20000 : count))
    make 400M mkfs.ext4 -N 250000 -I 128 -O ^metadata_csum,^dir_index -b 1024
    ;;
xfs) make 400M mkfs.xfs ;;
btrfs) make 400M mkfs.btrfs ;;
tmpfs) mount -t tmpfs none "$work/mount" ;;
squashfs)
    "$here/populate.sh" "$work/parts" "$count"
    mksquashfs "$work/parts" "$work/image" -quiet -no-progress >/dev/null
    mount -o loop "$work/image" "$work/mount"
    ;;
overlay)
    mount -t tmpfs none "$work/parts"
    cd "$work/parts"
    mkdir lower upper work
    "$here/populate.sh" lower "$count"
    mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none "$work/mount"
    # Copied up, whiteouts, a directory that hides the one below.
    printf more >>"$work/mount/tiny"
    rm "$work/mount/empty" "$work/mount/many/file 2"
    rm -r "$work/mount/deep" && mkdir "$work/mount/deep" && printf new >"$work/mount/deep/new"
    ;;
bind) "$here/populate.sh" "$work/parts" "$count" && mount --bind "$work/parts" "$work/mount" ;;
*) exit 64 ;;
esac
case $type in
squashfs | overlay | bind) ;;
*) "$here/populate.sh" "$work/mount" "$count" ;;
esac
if [ "$type" = btrfs ]; then
    cp --reflink=always "$work/mount/a/file" "$work/mount/a/b/c/clone"
    btrfs -q subvolume create "$work/mount/subvolume"
    printf s >"$work/mount/subvolume/file"
    mkdir "$work/mount/subvolume/d"
    btrfs -q subvolume snapshot "$work/mount/subvolume" "$work/mount/a/snapshot"
fi
sync -f "$work/mount"
cd "$work"
exec "$@"
