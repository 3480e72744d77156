// SPDX-License-Identifier: Apache-2.0
// Speed of filtered leaky ReLU at the layers of StyleGAN3: GFLOP/s of its own multiply-adds (none with
// inserted zeros, none for pixels that nobody reads; a radial filter counts as 144 taps), beside the
// machine's peak measured just before each.  Best of several runs.  One thread is timed by the processor
// time that it used, so that a busy machine disturbs less.
//
//     bench_flrelu [threads [table [layer]]]     table: t1024, r1024, t256; layer: part of its name
#define _DEFAULT_SOURCE // madvise
#include <math.h>
#include <sys/mman.h>
#include "bench.h"

#include "cpu/flrelu.h"
#include "cpu/peak.h"

typedef struct layer {
    const char *table, *name;
    int in, out, c, up, radial, p0, p1; // in: the size after the convolution
} layer;

static const layer LAYERS[] = {
    { "t1024", "L0_36_512", 38, 36, 512, 2, 0, 9, 8 },       { "t1024", "L2_52_512", 38, 52, 512, 4, 0, -6, -9 },
    { "t1024", "L3_52_512", 54, 52, 512, 2, 0, 9, 8 },       { "t1024", "L4_84_512", 54, 84, 512, 4, 0, -6, -9 },
    { "t1024", "L5_148_512", 86, 148, 512, 4, 0, -6, -9 },   { "t1024", "L6_148_512", 150, 148, 512, 2, 0, 9, 8 },
    { "t1024", "L7_276_323", 150, 276, 323, 4, 0, -6, -9 },  { "t1024", "L8_276_203", 278, 276, 203, 2, 0, 9, 8 },
    { "t1024", "L9_532_128", 278, 532, 128, 4, 0, -6, -9 },  { "t1024", "L10_1044_81", 534, 1044, 81, 4, 0, -6, -9 },
    { "t1024", "L11_1044_51", 1046, 1044, 51, 2, 0, 9, 8 },  { "t1024", "L12_1044_32", 1046, 1044, 32, 2, 0, 9, 8 },
    { "t1024", "L13_1024_32", 1046, 1024, 32, 2, 0, -11, -12 },
    { "r1024", "L0_36_1024", 36, 36, 1024, 2, 1, 11, 10 },   { "r1024", "L2_52_1024", 36, 52, 1024, 4, 1, -2, -5 },
    { "r1024", "L5_148_1024", 84, 148, 1024, 4, 1, -2, -5 }, { "r1024", "L6_148_1024", 148, 148, 1024, 2, 1, 11, 10 },
    { "r1024", "L7_276_645", 148, 276, 645, 4, 1, -2, -5 },  { "r1024", "L8_276_406", 276, 276, 406, 2, 1, 11, 10 },
    { "r1024", "L9_532_256", 276, 532, 256, 4, 1, -2, -5 },  { "r1024", "L10_1044_161", 532, 1044, 161, 4, 1, -2, -5 },
    { "r1024", "L11_1044_102", 1044, 1044, 102, 2, 1, 11, 10 },
    { "r1024", "L12_1044_64", 1044, 1044, 64, 2, 0, 11, 10 },
    { "r1024", "L13_1024_64", 1044, 1024, 64, 2, 0, -9, -10 },
    { "t256", "L0_36_512", 38, 36, 512, 2, 0, 9, 8 },        { "t256", "L3_52_512", 38, 52, 512, 4, 0, -6, -9 },
    { "t256", "L5_84_512", 54, 84, 512, 4, 0, -6, -9 },      { "t256", "L6_84_512", 86, 84, 512, 2, 0, 9, 8 },
    { "t256", "L7_148_512", 86, 148, 512, 4, 0, -6, -9 },    { "t256", "L9_148_362", 150, 148, 362, 2, 0, 9, 8 },
    { "t256", "L10_276_256", 150, 276, 256, 4, 0, -6, -9 },  { "t256", "L11_276_181", 278, 276, 181, 2, 0, 9, 8 },
    { "t256", "L12_276_128", 278, 276, 128, 2, 0, 9, 8 },    { "t256", "L13_256_128", 278, 256, 128, 2, 0, -11, -12 },
};

static double now(const atl_ctx *ctx) {
    return seconds_of(ctx->threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC);
}

static double peak_gflops(atl_ctx *ctx) {
    atl_cpu_peak_fn *run = atl_cpu_peak_of(ctx->cpu);
    float sink = 0.0f;
    double best = 0.0;
    if (ctx->threads > 1)
        return atl_peak_gflops(ctx);
    for (int i = 0; i < 10; i++) {
        double start = now(ctx), flops = run(1000000, &sink), took = now(ctx) - start;
        best = flops / took > best ? flops / took : best;
    }
    return sink == 1.25f ? 0.0 : best * 1e-9;
}

static void *large_pages(size_t bytes) {
    void *p;
    if (posix_memalign(&p, 1 << 21, bytes + 64)) // large pages: pixels of 512 channels are half a small one
        exit(1);
    madvise(p, bytes + 64, MADV_HUGEPAGE);
    memset(p, 0, bytes + 64);
    return p;
}

// Multiply-adds of one channel: up along x and down the columns, then the down filter(s).
static double work(const layer *l) {
    double out = l->out, wide = 2.0 * (out - 1.0) + 12.0; // oversampled side
    double rows = ceil((wide + 6.0 * l->up - 1.0) / l->up);
    double up = 6.0 * wide * rows + 6.0 * wide * wide;
    return up + (l->radial ? 144.0 * out * out : 12.0 * out * wide + 12.0 * out * out);
}

static double bench_layer(atl_ctx *ctx, const layer *l, double *flops) {
    atl_cpu_flrelu_args a = { 1,         l->in, l->in, l->c,  l->up, 2,    6 * l->up,   12,
                              l->radial, l->p0, l->p1, l->p0, l->p1, 0.2f, 1.41421356f, 256.0f };
    float fu[24], fd[144];
    for (int i = 0; i < 24; i++)
        fu[i] = 1.0f / (float)(1 + abs(2 * i - 6 * l->up + 1));
    for (int i = 0; i < 144; i++)
        fd[i] = 0.1f / (float)(1 + abs(2 * (i / 12) - 11) + abs(2 * (i % 12) - 11));
    atl_cpu_flrelu *fl;
    if (atl_cpu_flrelu_make(ctx, table_of(ctx), team_of(ctx), &a, fu, fd, &fl)) {
        fprintf(stderr, "%s\n", atl_message(ctx));
        exit(1);
    }
    size_t in = (size_t)l->in * (size_t)l->in * (size_t)l->c, out = (size_t)l->out * (size_t)l->out * (size_t)l->c;
    float *x = large_pages(in * sizeof *x), *y = large_pages(out * sizeof *y);
    float *bias = large_pages((size_t)l->c * sizeof *bias);
    for (size_t i = 0; i < in; i++)
        x[i] = (float)(i * 2654435761u % 1000u) * 1e-3f - 0.5f;
    void *space = large_pages(atl_cpu_flrelu_workspace(fl));
    double best = 1e9, peak = peak_gflops(ctx), begin = seconds_of(CLOCK_MONOTONIC);
    for (int i = 0; i < 40 && (i < 4 || seconds_of(CLOCK_MONOTONIC) - begin < 1.0); i++) {
        double start = now(ctx);
        atl_cpu_flrelu_run(fl, x, bias, y, space);
        double took = now(ctx) - start;
        best = took < best ? took : best;
    }
    *flops = 2.0 * work(l) * l->c;
    printf("%s %-13s %9.3f ms %7.1f GFLOP/s %5.1f %% of %.0f  %6.1f GB/s  workspace %zu kB\n", l->table,
           l->name, best * 1e3, *flops * 1e-9 / best, *flops * 1e-7 / best / peak, peak,
           (double)(in + out) * 4e-9 / best, atl_cpu_flrelu_workspace(fl) / 1024);
    free(x);
    free(y);
    free(bias);
    free(space);
    atl_cpu_flrelu_free(&fl);
    return best;
}

int main(int argc, char **argv) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = argc > 1 ? atoi(argv[1]) : 0;
    if (atl_ctx_open(&ctx, &o))
        return 1;
    double sum = 0.0, all = 0.0;
    printf("%s, threads: %d\n", atl_ctx_cpu(ctx), ctx->threads);
    for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++) {
        const layer *l = &LAYERS[i];
        double flops;
        if ((argc > 2 && strcmp(argv[2], l->table)) || (argc > 3 && !strstr(l->name, argv[3])))
            continue;
        sum += bench_layer(ctx, l, &flops);
        all += flops;
    }
    printf("all: %.3f ms, %.1f GFLOP/s, peak %.0f GFLOP/s\n", sum * 1e3, all * 1e-9 / sum, peak_gflops(ctx));
    atl_ctx_close(&ctx);
    return 0;
}
