#include "include/CXXHash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static XXH3_state_t *of(cxxhash_state *state) { return (XXH3_state_t *)state; }

cxxhash_state *cxxhash_create(void) { return (cxxhash_state *)XXH3_createState(); }

void cxxhash_free(cxxhash_state *state) { XXH3_freeState(of(state)); }

void cxxhash_begin(cxxhash_state *state) { XXH3_128bits_reset(of(state)); }

void cxxhash_update_any(cxxhash_state *state, const void *bytes, size_t count) {
    XXH3_128bits_update(of(state), bytes, count);
}

void cxxhash_update(cxxhash_state *state, const void *bytes, size_t count) {
    if (cxxhash_has_avx2()) {
        cxxhash_update_avx2(state, bytes, count);
    } else {
        cxxhash_update_any(state, bytes, count);
    }
}

static void write(XXH128_hash_t hash, uint8_t *digest) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    memcpy(digest, &canonical, sizeof canonical);
}

void cxxhash_finish(const cxxhash_state *state, uint8_t *digest) {
    write(XXH3_128bits_digest((const XXH3_state_t *)state), digest);
}

void cxxhash_of(const void *bytes, size_t count, uint8_t *digest) { write(XXH3_128bits(bytes, count), digest); }
