#include "CLinux.h"

#include <stdlib.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <wchar.h>

_Thread_local void *clinux_current_worker;
_Thread_local const void *clinux_ending_mailbox;
_Thread_local void *clinux_conductor;

int clinux_argument_count;
char **clinux_arguments;

// glibc passes main's arguments to initializers. Swift's runtime looks for them in /proc/self/cmdline and at an offset
// from `environ`: it finds none without /proc, or after a preloaded library has called setenv.
__attribute__((constructor)) static void keep_arguments(int count, char **arguments) {
    clinux_argument_count = count;
    clinux_arguments = arguments;
}

unsigned long clinux_raise_open_files_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 256;
}

int clinux_file_system_type(int descriptor, uint64_t *type) {
    struct statfs status;
    if (fstatfs(descriptor, &status) != 0) return -errno;
    // f_type is a signed word of varying size; the magic numbers have 32 bits.
    *type = (uint32_t)status.f_type;
    return 0;
}

int clinux_make_temporary(char *name) {
    int result = mkostemp(name, O_CLOEXEC);
    return result < 0 ? -errno : result;
}

static int state(const char *path) {
    char text[128];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return 0;
    long length = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (length <= 0) return 0;
    text[length] = 0;
    // "number (name) S …": the name, at most 15 bytes, may contain anything.
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : 0;
}

int clinux_thread_state(int thread) {
    char path[48];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    return state(path);
}

int clinux_process_state(int process) {
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    return state(path);
}

uint64_t clinux_address_space_left(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    // malloc reserves 64 MiB of address space for each thread, but not with one arena for all.
    mallopt(M_ARENA_MAX, 1);
    // Found by trying, to a MiB: only /proc shows the memory in use. The reserved memory is never touched.
    uint64_t granted = 0, refused = limit.rlim_cur;
    while (refused - granted > 1 << 20) {
        uint64_t size = granted + (refused - granted) / 2;
        void *place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (place == MAP_FAILED) {
            refused = size;
        } else {
            munmap(place, size);
            granted = size;
        }
    }
    return granted;
}

int clinux_open_descriptors(int limit) {
    int count = 0;
    for (int descriptor = 0; descriptor < limit; descriptor++) count += fcntl(descriptor, F_GETFD) >= 0;
    return count;
}

int clinux_threads_are_abandoned = 0;
static pthread_t survivor;

void clinux_abandon_threads(void) {
    survivor = pthread_self();
    __atomic_store_n(&clinux_threads_are_abandoned, 1, __ATOMIC_SEQ_CST);
}

void clinux_stop_for_ever(void) {
    // The surviving thread itself continues to read and write; its calls come here, too.
    while (!pthread_equal(pthread_self(), survivor)) pause();
}

int clinux_character_width(uint32_t character) { return wcwidth((wchar_t)character); }

long clinux_preadv2(int descriptor, void *buffer, unsigned long capacity, int64_t offset, int flags) {
    struct iovec piece = {.iov_base = buffer, .iov_len = capacity};
    long result = preadv2(descriptor, &piece, 1, (off_t)offset, flags);
    return result < 0 ? -errno : result;
}
