// Only the function that takes long is compiled for AVX2. The state is the same: it does not depend on the instructions.

#include "include/CXXHash.h"

#if defined(__x86_64__)

// What xxhash.h includes, outside of the pragma.
#include <assert.h>
#include <immintrin.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

// An attribute and not -mavx2: Swift's package manager allows a library of this package no such flag.
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define XXH_INLINE_ALL
#define XXH_VECTOR 2  // XXH_AVX2, which xxhash.h defines too late
#include <xxhash.h>

void cxxhash_update_avx2(cxxhash_state *state, const void *bytes, size_t count) {
    XXH3_128bits_update((XXH3_state_t *)state, bytes, count);
}
#pragma clang attribute pop

int cxxhash_has_avx2(void) { return __builtin_cpu_supports("avx2") != 0; }

#else

void cxxhash_update_avx2(cxxhash_state *state, const void *bytes, size_t count) {
    cxxhash_update_any(state, bytes, count);
}

int cxxhash_has_avx2(void) { return 0; }

#endif
