// XXH3 of 128 bits, compiled from the header of libxxhash. The library itself is compiled for processors of 2003 and
// takes four times as long as with AVX2, which the program xxhsum uses, too.

#pragma once
#include <stddef.h>
#include <stdint.h>

/// A hash that is fed piece by piece.
typedef struct cxxhash_state cxxhash_state;

/// Null for lack of memory.
cxxhash_state *_Nullable cxxhash_create(void);
void cxxhash_free(cxxhash_state *_Nonnull state);
void cxxhash_begin(cxxhash_state *_Nonnull state);
/// By what the processor can do.
void cxxhash_update(cxxhash_state *_Nonnull state, const void *_Nonnull bytes, size_t count);
/// Writes the 16 bytes of the canonical form, which is big-endian.
void cxxhash_finish(const cxxhash_state *_Nonnull state, uint8_t *_Nonnull digest);

/// The same for bytes that are there as a whole.
void cxxhash_of(const void *_Nullable bytes, size_t count, uint8_t *_Nonnull digest);

/// `cxxhash_update` for any processor, and for those with AVX2: the tests compare them.
void cxxhash_update_any(cxxhash_state *_Nonnull state, const void *_Nonnull bytes, size_t count);
void cxxhash_update_avx2(cxxhash_state *_Nonnull state, const void *_Nonnull bytes, size_t count);
/// Whether the processor has AVX2; 0 on other architectures, where `cxxhash_update_avx2` is the same as for any.
int cxxhash_has_avx2(void);
