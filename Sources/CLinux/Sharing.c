// Sharing the space of files with equal content.

#include "CLinux.h"

#include <linux/fs.h>
#include <stdio.h>

int clinux_share_range(int source, int target, uint64_t offset, uint64_t length, uint64_t *shared) {
    // The range, followed by one target.
    union {
        struct file_dedupe_range range;
        char room[sizeof(struct file_dedupe_range) + sizeof(struct file_dedupe_range_info)];
    } request;
    memset(&request, 0, sizeof request);
    struct file_dedupe_range_info *info = request.range.info;
    request.range.src_offset = offset;
    request.range.src_length = length;
    request.range.dest_count = 1;
    info->dest_fd = target;
    info->dest_offset = offset;
    *shared = 0;
    if (ioctl(source, FIDEDUPERANGE, &request) < 0) return -errno;
    if (info->status < 0) return info->status;
    if (info->status == FILE_DEDUPE_RANGE_DIFFERS) return 1;
    *shared = info->bytes_deduped;
    return 0;
}

int clinux_take_write_lease(int descriptor) { return fcntl(descriptor, F_SETLEASE, F_WRLCK) < 0 ? -errno : 0; }

int clinux_has_write_lease(int descriptor) { return fcntl(descriptor, F_GETLEASE) == F_WRLCK; }

int clinux_link_descriptor(int descriptor, int directory, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int clinux_exchange(int directory, const char *one, const char *other) {
    // By number: some C libraries have no function for it.
    return syscall(SYS_renameat2, directory, one, directory, other, 1U << 1 /* RENAME_EXCHANGE */) < 0 ? -errno : 0;
}

int clinux_inode_flags(int descriptor, uint32_t *flags) {
    // A long according to its number, but really an int.
    int all = 0;
    if (ioctl(descriptor, FS_IOC_GETFLAGS, &all) < 0) return -errno;
    // Some of the other flags describe how the file system stores the file: extents, a hash tree, data in the inode,
    // compressed blocks.
    const uint32_t stored = 0x00000100 | 0x00000200 | 0x00001000 | 0x00040000 | 0x00080000 | 0x00200000 | 0x00400000 |
                            0x10000000;
    *flags = (uint32_t)all & ~stored;
    return 0;
}

int clinux_confirm_writable(int directory) {
    return faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int clinux_unlink(int directory, const char *name) { return unlinkat(directory, name, 0) < 0 ? -errno : 0; }
