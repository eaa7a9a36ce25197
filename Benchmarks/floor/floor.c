// The floor of a metadata scan: the system calls that no scanner can do without, on one thread, and nothing else.
//
//     floor DIRECTORY...        prints "ENTRIES BYTES"
//
// Per directory: one openat, getdents64 until it returns 0, one close. Per entry: one fstatat relative to that
// descriptor. No paths, no sorting, no hard-link table, no output until the end. A scanner that is close to this is
// limited by the kernel; one that is below it has more than one thread.
//
// Depth: nothing recurses. The stack is an array of open directories beside an arena of the names of subdirectories
// that are still to be visited. A directory is closed as soon as its *last* subdirectory has been opened, so a chain
// needs two descriptors however deep it is, and no directory is opened twice. A tree which is deep and branches at each
// level needs one descriptor for each level; the soft limit is raised to the hard one for it.

#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/// An open directory and where its pending names begin in the arena.
struct level {
    int descriptor;
    size_t firstName;
};

/// Pending names of all open directories. The top directory's names lie at the end, each as bytes, NUL, length (2 bytes),
/// so that the last one can be taken off.
static struct {
    char *bytes;
    size_t count, capacity;
} arena;

static struct {
    struct level *levels;
    size_t count, capacity;
} stack;

static uint64_t entries, bytes;
static int failures;

static void *grow(void *memory, size_t *capacity, size_t needed, size_t elementSize) {
    if (needed <= *capacity) return memory;
    *capacity = needed * 2;
    memory = realloc(memory, *capacity * elementSize);
    if (memory == NULL) err(1, "realloc");
    return memory;
}

static void pushName(const char *name) {
    uint16_t length = (uint16_t)strlen(name);
    size_t needed = arena.count + length + 1 + sizeof length;
    arena.bytes = grow(arena.bytes, &arena.capacity, needed, 1);
    memcpy(arena.bytes + arena.count, name, length + 1u);
    memcpy(arena.bytes + arena.count + length + 1, &length, sizeof length);
    arena.count = needed;
}

/// The name stays readable until the next `pushName`.
static const char *popName(void) {
    uint16_t length;
    memcpy(&length, arena.bytes + arena.count - sizeof length, sizeof length);
    arena.count -= length + 1u + sizeof length;
    return arena.bytes + arena.count;
}

static void count(const struct stat *status) {
    entries++;
    if (S_ISREG(status->st_mode) || S_ISLNK(status->st_mode)) bytes += (uint64_t)status->st_size;
}

/// Lists one open directory; keeps it open only when there is something below to visit.
static void list(int directory) {
    static char buffer[64 * 1024] __attribute__((aligned(8)));
    size_t firstName = arena.count;
    for (;;) {
        ssize_t filled = getdents64(directory, buffer, sizeof buffer);
        if (filled < 0) {
            warn("getdents64");
            failures++;
        }
        if (filled <= 0) break;
        for (ssize_t offset = 0; offset < filled;) {
            struct dirent64 *entry = (struct dirent64 *)(buffer + offset);
            offset += entry->d_reclen;
            const char *name = entry->d_name;
            if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0))) continue;
            struct stat status;
            if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
                warn("%s", name);
                failures++;
                continue;
            }
            count(&status);
            if (S_ISDIR(status.st_mode)) pushName(name);
        }
    }
    if (arena.count == firstName) {
        close(directory);
        return;
    }
    stack.levels = grow(stack.levels, &stack.capacity, stack.count + 1, sizeof *stack.levels);
    stack.levels[stack.count++] = (struct level){directory, firstName};
}

static int openDirectory(int parent, const char *name) {
    int descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) {
        warn("%s", name);
        failures++;
    }
    return descriptor;
}

static void scan(const char *path) {
    struct stat status;
    if (fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) != 0) err(1, "%s", path);
    count(&status);
    int root = openDirectory(AT_FDCWD, path);
    if (root >= 0) list(root);
    while (stack.count > 0) {
        struct level *top = &stack.levels[stack.count - 1];
        int parent = top->descriptor;
        int child = openDirectory(parent, popName());
        if (arena.count == top->firstName) {
            close(parent);
            stack.count--;
        }
        if (child >= 0) list(child);
    }
}

int main(int argumentCount, char **arguments) {
    if (argumentCount < 2) errx(64, "usage: floor DIRECTORY...");
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (int index = 1; index < argumentCount; index++) scan(arguments[index]);
    printf("%" PRIu64 " %" PRIu64 "\n", entries, bytes);
    return failures == 0 ? 0 : 1;
}
