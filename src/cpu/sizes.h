// SPDX-License-Identifier: Apache-2.0
// Arithmetic of sizes.
#ifndef ATL_CPU_SIZES_H
#define ATL_CPU_SIZES_H

#include <stddef.h>
#include <stdint.h>

static inline int atl_ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

static inline int64_t atl_floor_div(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static inline int atl_gcd(int a, int b) {
    while (b) {
        int rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static inline int atl_lcm(int a, int b) {
    return a / atl_gcd(a, b) * b;
}

// Whole cache lines of 64 bytes, so that what follows in a workspace is aligned.
static inline size_t atl_round_bytes(size_t bytes) {
    return (bytes + 63) & ~(size_t)63;
}

static inline size_t atl_round_floats(size_t floats) {
    return (floats + 15) & ~(size_t)15;
}

#endif
