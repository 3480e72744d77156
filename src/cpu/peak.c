// SPDX-License-Identifier: Apache-2.0
// The best of several short runs on all threads: a shared machine is disturbed, never sped up.
#include "cpu/peak.h"

#include <atelier/model.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/team.h"

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

atl_cpu_peak_fn *atl_cpu_peak_of(atl_cpu_set set) {
#if defined(__x86_64__)
    if (set == ATL_CPU_AVX512)
        return atl_cpu_peak_avx512;
    if (set == ATL_CPU_AVX2)
        return atl_cpu_peak_avx2;
#elif defined(__aarch64__)
    if (set == ATL_CPU_NEON)
        return atl_cpu_peak_neon;
#endif
    (void)set;
    return atl_cpu_peak_ref;
}

static double now(void) {
    return 1e-9 * (double)atl_clock_ns();
}

typedef struct measuring {
    atl_cpu_peak_fn *kernel;
    size_t rounds;
    double *operations;
} measuring;

static void measure(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const measuring *m = job;
    float sink = 0.0f;
    for (int64_t i = first; i < end; i++)
        m->operations[i] = m->kernel(m->rounds, &sink) + (sink == sink ? 0.0 : 1.0);
}

// Operations per second of all threads together, measured from the first start to the last end.
static double one_run(atl_cpu_peak_fn *kernel, size_t rounds, atl_team *team, double *operations) {
    int lanes = atl_team_lanes(team);
    double start = now(), sum = 0.0;
    atl_team_run(team, lanes, 1, measure, &(measuring){ kernel, rounds, operations });
    double seconds = now() - start;
    for (int i = 0; i < lanes; i++)
        sum += operations[i];
    return seconds > 0.0 ? sum / seconds : 0.0;
}

double atl_peak_gflops(atl_ctx *ctx) {
    atl_cpu_peak_fn *kernel = atl_cpu_peak_of(ctx->cpu);
    size_t rounds = 1000;
    float sink = 0.0f;
    double seconds = 0.0, best = 0.0;
    while (seconds < 0.02 && rounds < (size_t)1 << 40) { // find a run of about 20 ms
        rounds *= 2;
        double start = now();
        kernel(rounds, &sink);
        seconds = now() - start;
    }
    atl_team *team;
    double *operations = atl_alloc(ctx, (size_t)ctx->threads, sizeof *operations);
    if (operations && atl_team_open(ctx, ctx->threads, &team) == ATL_OK) {
        for (int i = 0; i < 8; i++) {
            double speed = one_run(kernel, rounds, team, operations);
            best = speed > best ? speed : best;
        }
        atl_team_close(&team);
    }
    atl_free(ctx, operations);
    return best * 1e-9;
}
