// SPDX-License-Identifier: Apache-2.0
// torch.randn() on a processor fills a tensor with uniform numbers of 24 bits and turns each 16 of them into
// normal ones by Box-Muller: number j with number j + 8.  Where 16 does not divide the count, the last 16 are
// drawn anew.
#include "metrics/torch_rng.h"

#include <math.h>

enum { GROUP = 16 };

float atl_torch_rand(atl_numpy_rng *rng) {
    return (float)(atl_numpy_rng_u32(rng) & 0xffffffu) * 0x1p-24f;
}

static void turn(float *x) {
    for (int j = 0; j < GROUP / 2; j++) {
        float u1 = 1.0f - x[j], u2 = x[j + GROUP / 2]; // u1 in (0, 1], so its logarithm exists
        float radius = sqrtf(-2.0f * logf(u1)), theta = 6.28318530717958647692f * u2;
        x[j] = radius * cosf(theta);
        x[j + GROUP / 2] = radius * sinf(theta);
    }
}

void atl_torch_randn(atl_numpy_rng *rng, size_t count, float *out) {
    for (size_t i = 0; i < count; i++)
        out[i] = atl_torch_rand(rng);
    for (size_t i = 0; i + GROUP <= count; i += GROUP)
        turn(out + i);
    if (count < GROUP || count % GROUP == 0)
        return;
    out += count - GROUP;
    for (int i = 0; i < GROUP; i++)
        out[i] = atl_torch_rand(rng);
    turn(out);
}
