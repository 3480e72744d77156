// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): numbers that are a
// function of key, stream and index alone, so any part of a sequence can be made anywhere, in any order.
#ifndef ATL_BASE_PHILOX_H
#define ATL_BASE_PHILOX_H

#include <stddef.h>
#include <stdint.h>

// One block: counter and key to four words.
void atl_philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// Elements [first, first + n) of a sequence.  Uniform: multiples of 2^-24 in [0, 1).  Normal: Box-Muller.
void atl_philox_uniform(uint64_t key, uint64_t stream, uint64_t first, size_t n, float *out);
void atl_philox_normal(uint64_t key, uint64_t stream, uint64_t first, size_t n, float *out);

#endif
