// What the Swift runtime exports and the standard library does not show.

#include "CLinux.h"

struct executor {
    uintptr_t object, kind;
};

// Whether the caller is isolated to that executor; for the main actor's, also whether it is on the main thread.
// (Without flags: the function that has none traps if the answer is no.)
extern __attribute__((swiftcall)) _Bool swift_task_isCurrentExecutorWithFlags(struct executor executor, uint64_t flags);

_Bool clinux_is_current_executor(uintptr_t object, uintptr_t kind) {
    return swift_task_isCurrentExecutorWithFlags((struct executor){object, kind}, 0);
}
