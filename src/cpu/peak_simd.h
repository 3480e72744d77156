// SPDX-License-Identifier: Apache-2.0
// Multiply-adds on registers: twelve independent chains cover the latency (4 to 5 cycles) of two units.
#include "cpu/peak.h"
#include "cpu/vec.h"

enum { CHAINS = 12 };

double ATL_VEC(atl_cpu_peak)(size_t rounds, float *sink) {
    VF s[CHAINS], a = vf_set(0.999f), b = vf_set(1e-3f);
    for (int i = 0; i < CHAINS; i++)
        s[i] = vf_set((float)i);
    for (size_t r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS; i++)
            s[i] = vf_fma(s[i], a, b);
    for (int i = 0; i < CHAINS; i++)
        *sink += vf_sum(s[i]);
    return 2.0 * CHAINS * VL * (double)rounds;
}
