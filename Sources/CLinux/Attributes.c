#define _GNU_SOURCE
#include "CLinux.h"

#include <stdio.h>
#include <sys/xattr.h>

// flistxattr and fgetxattr refuse an O_PATH descriptor. Through its name in /proc the kernel reaches the same inode,
// even a symlink or a device.
struct descriptor_path {
    char text[32];
};

static struct descriptor_path path_of(int descriptor) {
    struct descriptor_path path;
    snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", descriptor);
    return path;
}

long clinux_listxattr(int descriptor, int is_path_only, void *buffer, unsigned long capacity) {
    long result = is_path_only ? listxattr(path_of(descriptor).text, buffer, capacity)
                               : flistxattr(descriptor, buffer, capacity);
    return result < 0 ? -errno : result;
}

long clinux_getxattr(int descriptor, int is_path_only, const char *name, void *buffer, unsigned long capacity) {
    long result = is_path_only ? getxattr(path_of(descriptor).text, name, buffer, capacity)
                               : fgetxattr(descriptor, name, buffer, capacity);
    return result < 0 ? -errno : result;
}
