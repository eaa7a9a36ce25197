// What Swift cannot import: variadic system calls, system calls without a glibc wrapper, thread-local storage, macros.
// Everything is `static inline` and prefixed `clinux_`; CLinux.c holds the thread-local variables alone.

#ifndef CLINUX_H
#define CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <linux/futex.h>
#include <linux/stat.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// ---- Thread-local storage ------------------------------------------------------------------------------------------

/// The worker that runs on this thread, or NULL. Owned by WorkStealing, which says what it points to.
extern _Thread_local void *_Nullable clinux_current_worker;

static inline void *_Nullable clinux_get_current_worker(void) { return clinux_current_worker; }
static inline void clinux_set_current_worker(void *_Nullable worker) { clinux_current_worker = worker; }

/// Who decides when this thread takes its next step, or NULL. Set by the tests of WorkStealing alone.
extern _Thread_local void *_Nullable clinux_conductor;

static inline void *_Nullable clinux_get_conductor(void) { return clinux_conductor; }
static inline void clinux_set_conductor(void *_Nullable conductor) { clinux_conductor = conductor; }

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

// ---- Files: each returns what the system call returns, or a negated errno -------------------------------------------

static inline int clinux_openat(int directory, const char *_Nonnull name, int flags) {
    int result = openat(directory, name, flags);
    return result < 0 ? -errno : result;
}

static inline long clinux_getdents64(int descriptor, void *_Nonnull buffer, unsigned long capacity) {
    long result = syscall(SYS_getdents64, descriptor, buffer, capacity);
    return result < 0 ? -errno : result;
}

static inline int clinux_statx(int directory, const char *_Nonnull name, int flags, unsigned int mask,
                               struct statx *_Nonnull out) {
    int result = statx(directory, name, flags, mask, out);
    return result < 0 ? -errno : result;
}

#endif
