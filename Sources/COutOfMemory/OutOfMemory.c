// When memory runs out, the program prints one line and exits with status 71 (EX_OSERR). Its output file is unchanged.
//
// Swift cannot continue then: its runtime traps on a failed allocation in some places and follows the null pointer in
// others, as some libraries do. These functions interpose the C library's for the whole process; sanitizers bring their
// own. Only the program links them: a library must not decide this for others.
//
// Plainer means do not keep that promise:
// - A handler for the signal of a trap cannot tell a lack of memory from a defect.
// - malloc hooks are gone since glibc 2.34, and SQLite's and OpenSSL's replaceable allocators cover only themselves. Both
//   report ENOMEM, but to Swift code, which then needs memory itself.
// - dlsym(RTLD_NEXT, "malloc") may itself allocate before it has an answer. The names __libc_malloc, __libc_calloc,
//   __libc_realloc and __libc_memalign are part of glibc's versioned interface (GLIBC_2.2.5, not GLIBC_PRIVATE).

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED

#include "CLinux.h"

#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static inline void *checked(void *memory) {
    if (__builtin_expect(memory == NULL, 0)) clinux_end_out_of_memory();
    return memory;
}

void *malloc(size_t size) { return checked(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return checked(__libc_calloc(count, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return checked(__libc_memalign(alignment, size)); }
void *memalign(size_t alignment, size_t size) { return checked(__libc_memalign(alignment, size)); }

void *realloc(void *old, size_t size) {
    void *memory = __libc_realloc(old, size);
    // With 0 bytes it acts as free(3), and null is not a failure.
    return size == 0 ? memory : checked(memory);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    *memory = checked(__libc_memalign(alignment, size));
    return 0;
}

#endif
