// SPDX-License-Identifier: Apache-2.0
// Normal numbers as PyTorch's generator for processors makes them, for those who compare with a seeded run of
// the official codes: torch.manual_seed(seed), then torch.randn(count).
#ifndef ATL_METRICS_TORCH_RNG_H
#define ATL_METRICS_TORCH_RNG_H

#include <atelier/rng.h>

// PyTorch seeds the same MT19937 as NumPy: initialise with atl_numpy_rng_init().  The numbers are those of
// one call for `count` >= 16 of them, to the last bits of the logarithm and the cosine.
void atl_torch_randn(atl_numpy_rng *rng, size_t count, float *out);
float atl_torch_rand(atl_numpy_rng *rng); // torch.rand(1): [0, 1)

#endif
