// ThreadSanitizer and Swift's Mutex. In any other build this file is empty.
//
// The lock is a word that instrumented code changes by compare-and-swap, which ThreadSanitizer sees. A thread that
// finds the lock taken, or releases one that others wait for, calls a function of libswiftSynchronization, which spins
// and then calls the kernel. Neither is instrumented, so every contended lock looked like a race. The three functions
// here interpose the library's functions of the same names, call them, and tell ThreadSanitizer what they did.
//
// If a later Swift names them differently, these are not called; then the false reports come back, and none is hidden.

#include "CLinux.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)

#include <dlfcn.h>
#include <stdbool.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK_SLOW "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

/// Swift's calling convention, with `self` in the place for methods.
#define METHOD __attribute__((swiftcall, no_sanitize("thread"), visibility("default")))
#define SELF __attribute__((swift_context)) uint32_t *self

typedef __attribute__((swiftcall)) void LockSlow(uint32_t thread, SELF);
typedef __attribute__((swiftcall)) bool TryLockSlow(SELF);
typedef __attribute__((swiftcall)) void UnlockSlow(SELF);

METHOD void clinux_lock_slow(uint32_t thread, SELF) __asm__(LOCK_SLOW);
METHOD bool clinux_try_lock_slow(SELF) __asm__(TRY_LOCK_SLOW);
METHOD void clinux_unlock_slow(SELF) __asm__(UNLOCK_SLOW);

METHOD void clinux_lock_slow(uint32_t thread, SELF) {
    LockSlow *original = (LockSlow *)dlsym(RTLD_NEXT, LOCK_SLOW);
    original(thread, self);
    __tsan_acquire(self);
}

METHOD bool clinux_try_lock_slow(SELF) {
    TryLockSlow *original = (TryLockSlow *)dlsym(RTLD_NEXT, TRY_LOCK_SLOW);
    bool isTaken = original(self);
    if (isTaken) __tsan_acquire(self);
    return isTaken;
}

METHOD void clinux_unlock_slow(SELF) {
    UnlockSlow *original = (UnlockSlow *)dlsym(RTLD_NEXT, UNLOCK_SLOW);
    __tsan_release(self);
    original(self);
}

#endif
#endif
