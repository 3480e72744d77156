// SPDX-License-Identifier: Apache-2.0
// NumPy's legacy generator, which defines what "seed 85" means for every network of the family.
#ifndef ATELIER_RNG_H
#define ATELIER_RNG_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/status.h>

#ifdef __cplusplus
extern "C" {
#endif

// The state of numpy.random.RandomState: MT19937 and the cached second normal number.  The caller owns it.
typedef struct atl_numpy_rng {
    uint32_t key[624];
    int position, has_gauss;
    double gauss;
} atl_numpy_rng;

ATL_API void atl_numpy_rng_init(atl_numpy_rng *rng, uint32_t seed);             // RandomState(seed)
ATL_API uint32_t atl_numpy_rng_u32(atl_numpy_rng *rng);
ATL_API double atl_numpy_rng_uniform(atl_numpy_rng *rng);                       // random_sample(): [0, 1)
ATL_API double atl_numpy_rng_normal(atl_numpy_rng *rng);                        // randn(), bit for bit
ATL_API uint32_t atl_numpy_rng_below(atl_numpy_rng *rng, uint32_t n);           // randint(n): uniform in [0, n), n >= 1

// shuffle() of a list, in place: the same order as RandomState(seed).shuffle(items).  count up to 2^32 - 1.
ATL_API void atl_numpy_rng_shuffle(atl_numpy_rng *rng, uint32_t *items, uint32_t count);

// z of a seed: RandomState(seed).randn(1, z_dim), rounded to float.
ATL_API void atl_seed_to_z(uint32_t seed, size_t z_dim, float *z);
// The same for networks that truncate z (SAGAN, BigGAN): scipy's truncnorm.rvs(-2, 2) of RandomState(seed),
// times truncation.  These are normal numbers of which none is beyond 2.
ATL_API void atl_seed_to_truncated_z(uint32_t seed, size_t z_dim, double truncation, float *z);

#ifdef __cplusplus
}
#endif
#endif
