// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10, from the paper's definition.  A block's counter is (index of the block, stream), each
// 64 bits, low word first; its four words are elements 4 i to 4 i + 3.
#include "base/philox.h"

#include <math.h>

// Multipliers and Weyl constants: Salmon et al. 2011, section 4.3.
enum { ROUNDS = 10 };
static const uint32_t multiplier[2] = { 0xD2511F53u, 0xCD9E8D57u };
static const uint32_t weyl[2] = { 0x9E3779B9u, 0xBB67AE85u };

void atl_philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)multiplier[0] * c0, p1 = (uint64_t)multiplier[1] * c2;
        uint32_t next0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, next2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = next0;
        c2 = next2;
        k0 += weyl[0];
        k1 += weyl[1];
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static void block(uint64_t key, uint64_t stream, uint64_t index, uint32_t out[4]) {
    const uint32_t counter[4] = { (uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream,
                                  (uint32_t)(stream >> 32) };
    const uint32_t k[2] = { (uint32_t)key, (uint32_t)(key >> 32) };
    atl_philox_block(counter, k, out);
}

static void to_uniform(const uint32_t words[4], float out[4]) {
    for (int i = 0; i < 4; i++)
        out[i] = (float)(words[i] >> 8) * 0x1p-24f;
}

// Two words make two normals.  The radius takes u in (0, 1], so its logarithm exists.  In double, so
// that the result is the nearest float on nearly every C library.
static void to_normal(const uint32_t words[4], float out[4]) {
    const double two_pi = 6.283185307179586;
    for (int i = 0; i < 4; i += 2) {
        double u = ((double)words[i] + 1.0) * 0x1p-32, angle = two_pi * ((double)words[i + 1] * 0x1p-32);
        double radius = sqrt(-2.0 * log(u));
        out[i] = (float)(radius * cos(angle));
        out[i + 1] = (float)(radius * sin(angle));
    }
}

static void fill(void (*convert)(const uint32_t *, float *), uint64_t key, uint64_t stream, uint64_t first,
                 size_t n, float *out) {
    for (size_t done = 0; done < n;) {
        uint32_t words[4];
        float four[4];
        block(key, stream, (first + done) / 4, words);
        convert(words, four);
        for (size_t i = (size_t)((first + done) % 4); i < 4 && done < n; i++)
            out[done++] = four[i];
    }
}

void atl_philox_uniform(uint64_t key, uint64_t stream, uint64_t first, size_t n, float *out) {
    fill(to_uniform, key, stream, first, n, out);
}

void atl_philox_normal(uint64_t key, uint64_t stream, uint64_t first, size_t n, float *out) {
    fill(to_normal, key, stream, first, n, out);
}
