// SPDX-License-Identifier: Apache-2.0
// XXH64, step by step as its description has them; see hash64.h.
#include "base/hash64.h"

#include "base/bytes.h"

static const uint64_t P1 = 0x9e3779b185ebca87u, P2 = 0xc2b2ae3d27d4eb4fu, P3 = 0x165667b19e3779f9u,
                      P4 = 0x85ebca77c2b2ae63u, P5 = 0x27d4eb2f165667c5u;

static uint64_t rotate(uint64_t x, int n) {
    return x << n | x >> (64 - n);
}

static uint64_t round_of(uint64_t lane, uint64_t input) {
    return rotate(lane + input * P2, 31) * P1;
}

static uint64_t merge(uint64_t sum, uint64_t lane) {
    return (sum ^ round_of(0, lane)) * P1 + P4;
}

// Four lanes over stripes of 32 bytes.
static uint64_t stripes(const uint8_t **p, size_t *left, uint64_t seed) {
    uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
    for (; *left >= 32; *p += 32, *left -= 32) {
        a = round_of(a, atl_little(*p, 8));
        b = round_of(b, atl_little(*p + 8, 8));
        c = round_of(c, atl_little(*p + 16, 8));
        d = round_of(d, atl_little(*p + 24, 8));
    }
    uint64_t sum = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    return merge(merge(merge(merge(sum, a), b), c), d);
}

uint64_t atl_hash64(const void *bytes, size_t count, uint64_t seed) {
    const uint8_t *p = bytes;
    size_t left = count;
    uint64_t h = (left >= 32 ? stripes(&p, &left, seed) : seed + P5) + count;
    for (; left >= 8; p += 8, left -= 8)
        h = rotate(h ^ round_of(0, atl_little(p, 8)), 27) * P1 + P4;
    if (left >= 4) {
        h = rotate(h ^ atl_little(p, 4) * P1, 23) * P2 + P3;
        p += 4;
        left -= 4;
    }
    for (; left; p++, left--)
        h = rotate(h ^ *p * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}
