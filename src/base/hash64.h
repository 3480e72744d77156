// SPDX-License-Identifier: Apache-2.0
// XXH64 (Collet, "xxHash fast digest algorithm", the description of its version 0.1.1): as good as FNV-1a for
// telling whether two things are the same when nobody means to deceive, and many times as fast for pictures.
// Sixty lines of our own: libxxhash is one more library for every program that links this one, and caches are
// named by these numbers, whatever becomes of it.
#ifndef ATL_BASE_HASH64_H
#define ATL_BASE_HASH64_H

#include <stddef.h>
#include <stdint.h>

uint64_t atl_hash64(const void *bytes, size_t count, uint64_t seed);

#endif
