// A preloaded library (LD_PRELOAD) that makes calls of the C library fail: FAILING="CALL:ERRNO:EVERY:AFTER ..." lets
// the first AFTER calls pass, and then fails each EVERY-th one. CALL: openat getdents64 statx fstatat fstat pread
// magic_open posix_spawn malloc (with calloc and realloc, in fsscan; its ERRNO is ENOMEM). Calls are counted over all
// threads. With FAILING_NAME=NAME only those openat calls count that open NAME.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

extern void *__libc_memalign(size_t, size_t);

enum call { OPENAT, GETDENTS64, STATX, FSTATAT, FSTAT, PREAD, MAGIC_OPEN, POSIX_SPAWN, MALLOC, CALLS };
static const char *const names[CALLS] = {
    "openat", "getdents64", "statx", "fstatat", "fstat", "pread", "magic_open", "posix_spawn", "malloc"};
static const char *only_name;

static struct {
    int error;
    long every, after, seen;
} rules[CALLS];

static bool fails(enum call call) {
    if (rules[call].error == 0) return false;
    long seen = __atomic_fetch_add(&rules[call].seen, 1, __ATOMIC_RELAXED) - rules[call].after;
    if (seen < 0 || seen % rules[call].every != 0) return false;
    errno = rules[call].error;
    return true;
}

__attribute__((constructor)) static void read_rules(void) {
    const char *text = getenv("FAILING");
    only_name = getenv("FAILING_NAME");
    char name[32], error[32];
    long every, after;
    int length;
    for (; text != NULL && sscanf(text, " %31[^:]:%31[^:]:%ld:%ld%n", name, error, &every, &after, &length) == 4;
         text += length)
        for (int call = 0; call < CALLS; call++) {
            if (strcmp(names[call], name) != 0) continue;
            rules[call].every = every;
            rules[call].after = after;
            for (int number = 1; number < 512; number++) {
                const char *known = strerrorname_np(number);
                if (known != NULL && strcmp(known, error) == 0) rules[call].error = number;
            }
        }
}

#define NEXT(name) \
    static __typeof__(name) *next; \
    if (next == NULL) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

int openat(int directory, const char *name, int flags, ...) {
    NEXT(openat);
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
    va_end(list);
    // Written files are not part of the tree.
    bool is_meant = (flags & O_ACCMODE) == O_RDONLY && (only_name == NULL || strcmp(name, only_name) == 0);
    if (is_meant && fails(OPENAT)) return -1;
    return next(directory, name, flags, mode);
}

long syscall(long number, ...) {
    NEXT(syscall);
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (int index = 0; index < 6; index++) arguments[index] = va_arg(list, long);
    va_end(list);
    if (number == SYS_getdents64 && fails(GETDENTS64)) return -1;
    return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

int statx(int directory, const char *restrict name, int flags, unsigned mask, struct statx *restrict status) {
    NEXT(statx);
    return fails(STATX) ? -1 : next(directory, name, flags, mask, status);
}

int fstatat(int directory, const char *restrict name, struct stat *restrict status, int flags) {
    NEXT(fstatat);
    return fails(FSTATAT) ? -1 : next(directory, name, status, flags);
}

int fstat(int file, struct stat *status) {
    NEXT(fstat);
    return fails(FSTAT) ? -1 : next(file, status);
}

ssize_t pread(int file, void *bytes, size_t count, off_t offset) {
    NEXT(pread);
    return fails(PREAD) ? -1 : next(file, bytes, count, offset);
}

// Another way to read: a rule for pread is for both.
ssize_t preadv2(int file, const struct iovec *parts, int count, off_t offset, int flags) {
    NEXT(preadv2);
    return fails(PREAD) ? -1 : next(file, parts, count, offset, flags);
}

void *magic_open(int flags) {
    NEXT(magic_open);
    return fails(MAGIC_OPEN) ? NULL : next(flags);
}

int posix_spawn(pid_t *restrict process, const char *restrict path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *restrict attributes, char *const *restrict arguments,
                char *const *restrict environment) {
    NEXT(posix_spawn);
    return fails(POSIX_SPAWN) ? errno : next(process, path, actions, attributes, arguments, environment);
}

// fsscan's own malloc calls these.
void *__libc_malloc(size_t size) { return fails(MALLOC) ? NULL : __libc_memalign(16, size); }

void *__libc_calloc(size_t count, size_t size) {
    size_t bytes;
    if (fails(MALLOC) || __builtin_mul_overflow(count, size, &bytes)) return NULL;
    void *memory = __libc_memalign(16, bytes);
    return memory == NULL ? NULL : memset(memory, 0, bytes);
}

void *__libc_realloc(void *old, size_t size) {
    if (fails(MALLOC)) return NULL;
    void *memory = size == 0 ? NULL : __libc_memalign(16, size);
    size_t held = old == NULL ? 0 : malloc_usable_size(old);
    if (memory != NULL && old != NULL) memcpy(memory, old, held < size ? held : size);
    free(old);
    return memory;
}
