// The places of a file's bytes on the disk, and whether other files share them.

#include "CLinux.h"

#include <linux/fiemap.h>
#include <linux/fs.h>

_Static_assert(CLINUX_EXTENT_LAST == FIEMAP_EXTENT_LAST, "the kernel's number");
_Static_assert(CLINUX_EXTENT_UNKNOWN == (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_DATA_INLINE),
               "the kernel's numbers");
_Static_assert(CLINUX_EXTENT_SHARED == FIEMAP_EXTENT_SHARED, "the kernel's number");

int clinux_extents(int descriptor, uint64_t offset, struct clinux_extent *extents) {
    // The map, followed by its extents.
    union {
        struct fiemap map;
        char room[sizeof(struct fiemap) + CLINUX_MOST_EXTENTS * sizeof(struct fiemap_extent)];
    } request;
    memset(&request.map, 0, sizeof request.map);
    request.map.fm_start = offset;
    // Data written a moment ago has no place yet.
    request.map.fm_flags = FIEMAP_FLAG_SYNC;
    request.map.fm_length = FIEMAP_MAX_OFFSET - offset;
    request.map.fm_extent_count = CLINUX_MOST_EXTENTS;
    if (ioctl(descriptor, FS_IOC_FIEMAP, &request) < 0) return -errno;
    for (uint32_t index = 0; index < request.map.fm_mapped_extents; index++) {
        const struct fiemap_extent *extent = &request.map.fm_extents[index];
        extents[index] = (struct clinux_extent){extent->fe_logical, extent->fe_physical, extent->fe_length,
                                                extent->fe_flags};
    }
    return (int)request.map.fm_mapped_extents;
}

uint64_t clinux_first_place(int descriptor) {
    union {
        struct fiemap map;
        char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
    } request;
    memset(&request, 0, sizeof request);
    request.map.fm_length = FIEMAP_MAX_OFFSET;
    request.map.fm_extent_count = 1;
    if (ioctl(descriptor, FS_IOC_FIEMAP, &request) < 0 || request.map.fm_mapped_extents == 0) return 0;
    const struct fiemap_extent *extent = &request.map.fm_extents[0];
    return extent->fe_flags & CLINUX_EXTENT_UNKNOWN ? 0 : extent->fe_physical;
}
