// Changes the content of files without changing their times: untimed xfs|ext4|map FILE OTHER
//
//   xfs    XFS_IOC_SWAPEXT exchanges the contents of FILE and OTHER
//   ext4   EXT4_IOC_MOVE_EXT, made for defragmentation, gives FILE other blocks
//   map    maps FILE shared and dirties its first page, then waits for a line of standard input and writes OTHER's
//          first byte into the page
//
// All as the owner of the files, without privileges. The kernel's headers define these calls only for programs of the
// file systems, so they are defined here.

#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct move_extent {
    __u32 reserved, donor_fd;
    __u64 orig_start, donor_start, len, moved_len;
};
#define EXT4_IOC_MOVE_EXT _IOWR('f', 15, struct move_extent)

struct xfs_time {
    long seconds;
    int nanoseconds;
};
struct xfs_status {
    __u64 ino;
    __u16 mode, nlink;
    __u32 uid, gid, rdev;
    __s32 blksize;
    __s64 size;
    struct xfs_time atime, mtime, ctime;
    __s64 blocks;
    __u32 xflags;
    __s32 extsize, extents;
    __u32 gen;
    __u16 projid_lo, forkoff, projid_hi, sick, checked;
    unsigned char pad[2];
    __u32 cowextsize, dmevmask;
    __u16 dmstate, aextents;
};
struct xfs_swapext {
    __s64 version, target, tmp;
    __s64 offset, length;
    char pad[16];
    struct xfs_status status;
};
#define XFS_IOC_SWAPEXT _IOWR('X', 109, struct xfs_swapext)

static int swap_xfs(int file, int other) {
    struct stat status;
    if (fstat(file, &status) != 0) return -1;
    struct xfs_swapext swap = {.version = 0, .target = file, .tmp = other, .length = status.st_size};
    swap.status.ino = status.st_ino;
    swap.status.size = status.st_size;
    swap.status.mtime = (struct xfs_time){status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
    swap.status.ctime = (struct xfs_time){status.st_ctim.tv_sec, status.st_ctim.tv_nsec};
    return ioctl(file, XFS_IOC_SWAPEXT, &swap);
}

static int swap_ext4(int file, int other) {
    struct stat status;
    if (fstat(file, &status) != 0) return -1;
    struct move_extent move = {.donor_fd = file, .len = (status.st_size + status.st_blksize - 1) / status.st_blksize};
    if (ioctl(other, EXT4_IOC_MOVE_EXT, &move) != 0) return -1;
    // The pages in memory still have the old content.
    return posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
}

static int write_mapped(int file, int other) {
    char byte = 0;
    volatile char *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED || read(other, &byte, 1) != 1) return -1;
    page[0] = page[0];
    printf("dirty\n");
    fflush(stdout);
    if (getchar() == EOF) return -1;
    page[0] = byte;
    return 0;
}

int main(int count, char **arguments) {
    if (count != 4) return 64;
    int file = open(arguments[2], O_RDWR), other = open(arguments[3], O_RDWR);
    const char *way = arguments[1];
    int result = file < 0 || other < 0          ? -1
                 : strcmp(way, "xfs") == 0  ? swap_xfs(file, other)
                 : strcmp(way, "ext4") == 0 ? swap_ext4(file, other)
                                            : write_mapped(file, other);
    if (result != 0) fprintf(stderr, "untimed %s: %s\n", way, strerror(errno));
    return result != 0;
}
