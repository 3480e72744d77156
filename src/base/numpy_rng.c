// SPDX-License-Identifier: Apache-2.0
// numpy.random.RandomState, bit for bit: MT19937 (Matsumoto and Nishimura 1998) with the seeding of its
// authors' init_genrand, 53-bit uniform numbers from two draws, and Marsaglia's polar method, which
// yields the second number of a pair first.  NumPy has frozen this stream; so may we.
#include <atelier/rng.h>

#include <math.h>

enum { WORDS = 624, SHIFT = 397 };

void atl_numpy_rng_init(atl_numpy_rng *rng, uint32_t seed) {
    for (uint32_t i = 0; i < WORDS; i++) {
        rng->key[i] = seed;
        seed = 1812433253u * (seed ^ (seed >> 30)) + i + 1;
    }
    rng->position = WORDS;
    rng->has_gauss = 0;
    rng->gauss = 0;
}

static uint32_t twist(uint32_t high, uint32_t low) {
    uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);
    return (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
}

static void refill(atl_numpy_rng *rng) {
    uint32_t *k = rng->key;
    for (int i = 0; i < WORDS; i++)
        k[i] = k[(i + SHIFT) % WORDS] ^ twist(k[i], k[(i + 1) % WORDS]);
    rng->position = 0;
}

uint32_t atl_numpy_rng_u32(atl_numpy_rng *rng) {
    if (rng->position >= WORDS)
        refill(rng);
    uint32_t y = rng->key[rng->position++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

double atl_numpy_rng_uniform(atl_numpy_rng *rng) {
    uint32_t a = atl_numpy_rng_u32(rng) >> 5, b = atl_numpy_rng_u32(rng) >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0; // 27 + 26 bits over 2^53
}

double atl_numpy_rng_normal(atl_numpy_rng *rng) {
    if (rng->has_gauss) {
        rng->has_gauss = 0;
        return rng->gauss;
    }
    double x1, x2, r2;
    do {
        x1 = 2.0 * atl_numpy_rng_uniform(rng) - 1.0;
        x2 = 2.0 * atl_numpy_rng_uniform(rng) - 1.0;
        r2 = x1 * x1 + x2 * x2;
    } while (r2 >= 1.0 || r2 == 0.0);
    double f = sqrt(-2.0 * log(r2) / r2);
    rng->gauss = f * x1;
    rng->has_gauss = 1;
    return f * x2;
}

// Rejection under the smallest mask of ones that covers n - 1; n = 1 draws nothing.
uint32_t atl_numpy_rng_below(atl_numpy_rng *rng, uint32_t n) {
    uint32_t last = n - 1, mask = last, value;
    if (n <= 1)
        return 0;
    for (int shift = 1; shift < 32; shift *= 2)
        mask |= mask >> shift;
    do
        value = atl_numpy_rng_u32(rng) & mask;
    while (value > last);
    return value;
}

void atl_numpy_rng_shuffle(atl_numpy_rng *rng, uint32_t *items, uint32_t count) {
    for (uint32_t i = count; i-- > 1;) {
        uint32_t j = atl_numpy_rng_below(rng, i + 1), kept = items[i];
        items[i] = items[j];
        items[j] = kept;
    }
}

void atl_seed_to_z(uint32_t seed, size_t z_dim, float *z) {
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, seed);
    for (size_t i = 0; i < z_dim; i++)
        z[i] = (float)atl_numpy_rng_normal(&rng);
}
