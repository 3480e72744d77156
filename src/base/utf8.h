// SPDX-License-Identifier: Apache-2.0
// UTF-8 in text that came from elsewhere.
#ifndef ATL_BASE_UTF8_H
#define ATL_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Bytes of the mark that some programs put before text: 3 or 0.
static inline size_t atl_utf8_mark(const void *text, size_t bytes) {
    return bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

// One character, of at most 0x1fffff; its bytes.
static inline size_t atl_utf8_put(uint8_t out[4], uint32_t code) {
    static const uint8_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    out[0] = (uint8_t)(lead[more] | code >> 6 * more);
    for (size_t i = 1; i <= more; i++)
        out[i] = (uint8_t)(0x80 | (code >> 6 * (more - i) & 0x3f));
    return more + 1;
}

#endif
