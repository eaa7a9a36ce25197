// Functions that the Swift runtime exports but the standard library does not declare.

#include "CLinux.h"

#include <poll.h>

struct executor {
    uintptr_t object, kind;
};

// Whether the caller is isolated to that executor; for the main actor's, also whether it is on the main thread. (With
// flags, because the function without them traps if the answer is no.)
extern __attribute__((swiftcall)) _Bool swift_task_isCurrentExecutorWithFlags(struct executor executor, uint64_t flags);

_Bool clinux_is_current_executor(uintptr_t object, uintptr_t kind) {
    return swift_task_isCurrentExecutorWithFlags((struct executor){object, kind}, 0);
}

extern __attribute__((swiftcall)) void *swift_task_getCurrent(void);

void *clinux_current_task(void) { return swift_task_getCurrent(); }

// The eventfd for run loops: libdispatch writes to it when the main queue gets work, as long as the queue belongs to
// the main thread. Without a run loop it is never read.
extern __attribute__((weak)) int _dispatch_get_main_queue_handle_4CF(void);

int clinux_main_queue_waits(void) {
    if (_dispatch_get_main_queue_handle_4CF == NULL) return -1;
    struct pollfd look = {.fd = _dispatch_get_main_queue_handle_4CF(), .events = POLLIN};
    return poll(&look, 1, 0);
}
