// What Swift cannot import: variadic system calls, system calls without a glibc wrapper, thread-local storage, macros.
// Everything is `static inline` and prefixed `clinux_`; CLinux.c holds the thread-local variable alone.

#ifndef CLINUX_H
#define CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <linux/futex.h>
#include <linux/stat.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// ---- Thread-local storage ------------------------------------------------------------------------------------------

/// The worker that runs on this thread, or NULL. Owned by WorkStealing, which says what it points to.
extern _Thread_local void *_Nullable clinux_current_worker;

static inline void *_Nullable clinux_get_current_worker(void) { return clinux_current_worker; }
static inline void clinux_set_current_worker(void *_Nullable worker) { clinux_current_worker = worker; }

// ---- Futexes -------------------------------------------------------------------------------------------------------

/// Sleeps while `*word` is `expected`; at most `timeout` if it is not NULL. 0, or a negated errno (EAGAIN, EINTR, ETIMEDOUT).
static inline int clinux_futex_wait(const void *_Nonnull word, uint32_t expected,
                                    const struct timespec *_Nullable timeout) {
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout, NULL, 0);
    return result < 0 ? -errno : 0;
}

/// Wakes up to `count` threads that sleep on `word`.
static inline void clinux_futex_wake(const void *_Nonnull word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/// Tells the core that this thread spins.
static inline void clinux_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

// ---- Clocks --------------------------------------------------------------------------------------------------------

static inline struct timespec clinux_now(clockid_t clock) {
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return now;
}

// ---- Limits: glibc's prototypes take an enumeration that Swift does not convert -------------------------------------

static inline int clinux_getrlimit_nofile(struct rlimit *_Nonnull out) { return getrlimit(RLIMIT_NOFILE, out); }
static inline int clinux_setrlimit_nofile(const struct rlimit *_Nonnull limit) {
    return setrlimit(RLIMIT_NOFILE, limit);
}

// ---- Errors --------------------------------------------------------------------------------------------------------

/// "EACCES", or NULL. (glibc 2.32 and newer.)
static inline const char *_Nullable clinux_errno_name(int error) { return strerrorname_np(error); }

/// "Permission denied", never translated, or NULL.
static inline const char *_Nullable clinux_errno_description(int error) { return strerrordesc_np(error); }

// ---- Files: each returns what the system call returns, or a negated errno -------------------------------------------

/// A GNU macro, which Swift does not see.
static const int CLINUX_O_NOATIME = O_NOATIME;

static inline int clinux_openat(int directory, const char *_Nonnull name, int flags) {
    int result = openat(directory, name, flags);
    return result < 0 ? -errno : result;
}

static inline long clinux_getdents64(int descriptor, void *_Nonnull buffer, unsigned long capacity) {
    long result = syscall(SYS_getdents64, descriptor, buffer, capacity);
    return result < 0 ? -errno : result;
}

static inline long clinux_read(int descriptor, void *_Nonnull buffer, unsigned long capacity) {
    long result = read(descriptor, buffer, capacity);
    return result < 0 ? -errno : result;
}

static inline int clinux_statx(int directory, const char *_Nonnull name, int flags, unsigned int mask,
                               struct statx *_Nonnull out) {
    int result = statx(directory, name, flags, mask, out);
    return result < 0 ? -errno : result;
}

#endif
