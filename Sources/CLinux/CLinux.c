#include "CLinux.h"

#include <stdlib.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statfs.h>

_Thread_local void *clinux_current_worker;
_Thread_local void *clinux_conductor;

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
    // malloc reserves 64 MiB of addresses for each thread; with one arena for all it does not.
    mallopt(M_ARENA_MAX, 1);
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm != NULL) {
        if (fscanf(statm, "%lu", &pages) != 1) pages = 0;
        fclose(statm);
    }
    uint64_t used = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}
