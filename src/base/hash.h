// SPDX-License-Identifier: Apache-2.0
// FNV-1a (Fowler, Noll, Vo), 64 bits: for tables of names and for telling whether two things are the same
// when nobody means to deceive.  Its low bits alone are weak: tables mix the high ones in.
#ifndef ATL_BASE_HASH_H
#define ATL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define ATL_HASH_BEGIN 0xcbf29ce484222325u

// Goes on from h, first from ATL_HASH_BEGIN.
static inline uint64_t atl_hash(uint64_t h, const void *bytes, size_t count) {
    for (const uint8_t *p = bytes; count--; p++)
        h = (h ^ *p) * 0x100000001b3u;
    return h;
}

#endif
