// SPDX-License-Identifier: Apache-2.0
// The best of several short runs on all threads: a shared machine is disturbed, never sped up.
#include "cpu/peak.h"

#include <time.h>
#include <omp.h>
#include <atelier/model.h>

#include "base/ctx.h"

enum { LANES = 4, CHAINS = 8 };

double atl_cpu_peak_ref(size_t rounds, float *sink) {
    float s[CHAINS * LANES];
    for (int i = 0; i < CHAINS * LANES; i++)
        s[i] = (float)i;
    for (size_t r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS * LANES; i++)
            s[i] = s[i] * 0.999f + 1e-3f;
    for (int i = 0; i < CHAINS * LANES; i++)
        *sink += s[i];
    return 2.0 * CHAINS * LANES * (double)rounds;
}

static atl_cpu_peak_fn *kernel_of(atl_cpu_set set) {
#if defined(__x86_64__)
    if (set == ATL_CPU_AVX512)
        return atl_cpu_peak_avx512;
    if (set == ATL_CPU_AVX2)
        return atl_cpu_peak_avx2;
#else
    (void)set;
#endif
    return atl_cpu_peak_ref;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Operations per second of all threads together, measured from the first start to the last end.
static double one_run(atl_cpu_peak_fn *kernel, size_t rounds, int threads) {
    double operations = 0.0;
    float sink = 0.0f;
    double start = now();
#pragma omp parallel num_threads(threads) reduction(+ : operations, sink)
    operations += kernel(rounds, &sink);
    double seconds = now() - start;
    return sink == sink && seconds > 0.0 ? operations / seconds : 0.0;
}

double atl_peak_gflops(atl_ctx *ctx) {
    atl_cpu_peak_fn *kernel = kernel_of(ctx->cpu);
    size_t rounds = 1000;
    float sink = 0.0f;
    double seconds = 0.0, best = 0.0;
    while (seconds < 0.02 && rounds < (size_t)1 << 40) { // find a run of about 20 ms
        rounds *= 2;
        double start = now();
        kernel(rounds, &sink);
        seconds = now() - start;
    }
    for (int i = 0; i < 8; i++) {
        double speed = one_run(kernel, rounds, ctx->threads);
        best = speed > best ? speed : best;
    }
    return best * 1e-9;
}
