// SPDX-License-Identifier: Apache-2.0
// Unsigned numbers of up to 8 bytes as files hold them, on any machine and at any address.
#ifndef ATL_BASE_BYTES_H
#define ATL_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

// The least byte first.
static inline uint64_t atl_little(const uint8_t *p, size_t bytes) {
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | p[bytes];
    return value;
}

// The greatest byte first.
static inline uint64_t atl_big(const uint8_t *p, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

#endif
