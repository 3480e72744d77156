// SPDX-License-Identifier: Apache-2.0
// Speed of filtered leaky ReLU at the layers of StyleGAN3: GFLOP/s of its own multiply-adds (none with
// inserted zeros, none for pixels that nobody reads; a radial filter counts as 144 taps), beside the
// machine's peak measured just before each.  Best of several runs.  One thread is timed by the processor
// time that it used, so that a busy machine disturbs less.
//
//     bench_flrelu [threads [table [layer]]]     table: t1024, r1024, t256, t64 (in training, batch 8);
//     layer: part of its name
//
// Behind each separable layer comes its gradient, for which x is oversampled once more.
#define _DEFAULT_SOURCE // madvise
#include <math.h>
#include <stdbool.h>
#include <sys/mman.h>
#include "bench.h"

#include "cpu/flrelu_grad.h"
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
    { "t64", "L0_36_64", 38, 36, 64, 2, 0, 9, 8 },           { "t64", "L4_52_64", 38, 52, 64, 4, 0, -6, -9 },
    { "t64", "L5_52_64", 54, 52, 64, 2, 0, 9, 8 },           { "t64", "L8_84_64", 54, 84, 64, 4, 0, -6, -9 },
    { "t64", "L9_84_64", 86, 84, 64, 2, 0, 9, 8 },           { "t64", "L13_64_64", 86, 64, 64, 2, 0, -11, -12 },
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
static double work(const layer *l, int ups) {
    double out = l->out, wide = 2.0 * (out - 1.0) + 12.0; // oversampled side
    double rows = ceil((wide + 6.0 * l->up - 1.0) / l->up);
    double up = 6.0 * wide * rows + 6.0 * wide * wide;
    return ups * up + (l->radial ? 144.0 * out * out : 12.0 * out * wide + 12.0 * out * out);
}

// One layer, and if it has one its gradient.
typedef struct job {
    atl_ctx *ctx;
    const layer *l;
    atl_cpu_flrelu *there;
    atl_cpu_flrelu_grad *back;
    float *x, *y, *dx, *bias;
    void *space;
    size_t floats;
} job;

static void make(job *j, const atl_cpu_flrelu_args *a, const float *fu, const float *fd) {
    atl_ctx *ctx = j->ctx;
    if (atl_cpu_flrelu_make(ctx, table_of(ctx), team_of(ctx), a, fu, fd, &j->there) ||
        (!a->down_radial &&
         atl_cpu_flrelu_grad_make(ctx, table_of(ctx), team_of(ctx), a, fu, fd, &j->back))) {
        fprintf(stderr, "%s\n", atl_message(ctx));
        exit(1);
    }
    size_t in = (size_t)(a->n * a->h * a->w * a->c), out = (size_t)(a->n * j->l->out * j->l->out * a->c);
    size_t there = atl_cpu_flrelu_workspace(j->there),
           back = j->back ? atl_cpu_flrelu_grad_workspace(j->back) : 0;
    j->floats = in + out;
    j->x = large_pages(in * sizeof *j->x);
    j->y = large_pages(out * sizeof *j->y);
    j->dx = large_pages(in * sizeof *j->dx);
    j->bias = large_pages((size_t)a->c * sizeof *j->bias);
    j->space = large_pages(there > back ? there : back);
    for (size_t i = 0; i < in; i++)
        j->x[i] = (float)(i * 2654435761u % 1000u) * 1e-3f - 0.5f;
}

static void clear(job *j) {
    free(j->x);
    free(j->y);
    free(j->dx);
    free(j->bias);
    free(j->space);
    atl_cpu_flrelu_free(&j->there);
    atl_cpu_flrelu_grad_free(&j->back);
}

static double time_of(const job *j, int n, bool back, double *flops) {
    double best = 1e9, peak = peak_gflops(j->ctx), begin = seconds_of(CLOCK_MONOTONIC);
    for (int i = 0; i < 40 && (i < 4 || seconds_of(CLOCK_MONOTONIC) - begin < 1.0); i++) {
        double start = now(j->ctx);
        if (back)
            atl_cpu_flrelu_grad_run(j->back, j->x, j->bias, j->y, j->dx, j->space);
        else
            atl_cpu_flrelu_run(j->there, j->x, j->bias, j->y, j->space);
        double took = now(j->ctx) - start;
        best = took < best ? took : best;
    }
    *flops = 2.0 * n * work(j->l, back ? 2 : 1) * j->l->c;
    size_t bytes = back ? atl_cpu_flrelu_grad_workspace(j->back) : atl_cpu_flrelu_workspace(j->there);
    printf("%s %-13s %s %9.3f ms %7.1f GFLOP/s %5.1f %% of %.0f  %6.1f GB/s  workspace %zu kB\n", j->l->table,
           j->l->name, back ? "back " : "there", best * 1e3, *flops * 1e-9 / best,
           *flops * 1e-7 / best / peak, peak, (double)j->floats * 4e-9 / best, bytes / 1024);
    return best;
}

static void bench_layer(atl_ctx *ctx, const layer *l, double ms[2], double flops[2]) {
    int n = strcmp(l->table, "t64") ? 1 : 8;
    atl_cpu_flrelu_args a = { n,         l->in, l->in, l->c,  l->up, 2,    6 * l->up,   12,
                              l->radial, l->p0, l->p1, l->p0, l->p1, 0.2f, 1.41421356f, 256.0f };
    float fu[24], fd[144];
    for (int i = 0; i < 24; i++)
        fu[i] = 1.0f / (float)(1 + abs(2 * i - 6 * l->up + 1));
    for (int i = 0; i < 144; i++)
        fd[i] = 0.1f / (float)(1 + abs(2 * (i / 12) - 11) + abs(2 * (i % 12) - 11));
    job j = { .ctx = ctx, .l = l };
    make(&j, &a, fu, fd);
    for (int back = 0; back <= (j.back != NULL); back++) {
        double work_of;
        ms[back] += time_of(&j, n, back, &work_of);
        flops[back] += work_of;
    }
    clear(&j);
}

int main(int argc, char **argv) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = argc > 1 ? atoi(argv[1]) : 0;
    if (atl_ctx_open(&ctx, &o))
        return 1;
    double s[2] = { 0 }, flops[2] = { 0 };
    printf("%s, threads: %d\n", atl_ctx_cpu(ctx), ctx->threads);
    for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++) {
        const layer *l = &LAYERS[i];
        if ((argc > 2 && strcmp(argv[2], l->table)) || (argc > 3 && !strstr(l->name, argv[3])))
            continue;
        bench_layer(ctx, l, s, flops);
    }
    for (int back = 0; back < 2; back++)
        printf("all %s: %.3f ms, %.1f GFLOP/s\n", back ? "back" : "there", s[back] * 1e3,
               flops[back] * 1e-9 / s[back]);
    atl_ctx_close(&ctx);
    return 0;
}
