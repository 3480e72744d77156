// SPDX-License-Identifier: Apache-2.0
// Speed of what feature networks add: depthwise convolution, window maximum, weighted sums of rows.  The
// processor time of one thread, which a busy machine changes little; beside a copy of the same bytes.
#include "bench.h"

#include "cpu/conv.h"
#include "cpu/peak.h"

// The processor time of one thread.
#define BEST(statement, seconds) BEST_OF(30, CLOCK_THREAD_CPUTIME_ID, statement, seconds)

// A copy of as many bytes as are read and written.
static double copy_time(double bytes) {
    size_t half = (size_t)(bytes / 2.0) / sizeof(float);
    float *a = floats(half), *b = floats(half);
    double t;
    BEST(memcpy(b, a, half * sizeof *a), t);
    free(a);
    free(b);
    return t;
}

static void report(const char *name, double t, double bytes, double flop) {
    printf("%-46s %9.3f ms %6.1f GB/s (%3.0f %% of a copy)", name, t * 1e3, bytes * 1e-9 / t,
           100.0 * copy_time(bytes) / t);
    if (flop > 0.0)
        printf(" %6.1f GFLOP/s", flop * 1e-9 / t);
    printf("\n");
}

static void bench_depthwise(atl_ctx *ctx, atl_slot slot, int h, int c, int kernel, int stride) {
    int pad = kernel / 2, oh = (h + 2 * pad - kernel) / stride + 1;
    atl_cpu_conv_shape s = { slot,   1,      h,      h,   c,   oh,  oh,  c, kernel,
                             kernel, stride, stride, pad, pad, pad, pad, c, 0 };
    size_t nx = (size_t)h * (size_t)h * (size_t)c, ny = (size_t)oh * (size_t)oh * (size_t)c;
    size_t nw = (size_t)(kernel * kernel) * (size_t)c;
    float *x = floats(nx), *y = floats(ny), *w = floats(nw), *space;
    float *from = slot == ATL_SLOT_X ? y : x, *to = slot == ATL_SLOT_X ? x : y;
    atl_cpu_conv *conv;
    if (atl_cpu_conv_make(ctx, table_of(ctx), NULL, &s, w, &conv) != ATL_OK)
        exit(1);
    space = floats(atl_cpu_conv_workspace(conv) / sizeof(float));
    double t, bytes = (double)(nx + ny) * sizeof(float), flop = 2.0 * (double)ny * kernel * kernel;
    char name[80];
    snprintf(name, sizeof name, "depthwise%s %dx%d, stride %d, %d x %dx%d", slot == ATL_SLOT_X ? " dx" : "",
             kernel, kernel, stride, c, h, h);
    BEST((void)atl_cpu_conv_run(conv, from, NULL, to, space), t);
    report(name, t, bytes, flop);
    atl_cpu_conv_free(&conv);
    free(x);
    free(y);
    free(w);
    free(space);
}

static void bench_pick(const atl_cpu_kernels *k, int64_t h, int64_t c, int64_t kernel, int64_t stride) {
    int64_t oh = (h - kernel) / stride + 1;
    atl_cpu_pick_dims d = { 1, h, h, c, oh, oh, kernel, kernel, stride, stride, 0, 0 };
    float *x = floats((size_t)(h * h * c)), *y = floats((size_t)(oh * oh * c));
    double t, bytes = (double)((h * h + oh * oh) * c) * sizeof(float);
    char name[80];
    snprintf(name, sizeof name, "maximum %lldx%lld, stride %lld, %lld x %lldx%lld", (long long)kernel,
             (long long)kernel, (long long)stride, (long long)c, (long long)h, (long long)h);
    BEST(atl_cpu_pick(&k->pick, &d, x, x, y, NULL), t);
    report(name, t, bytes, 0.0);
    BEST(atl_cpu_pick_t(&k->pick, &d, x, y, x, NULL), t);
    report("    and back", t, bytes, 0.0);
    free(x);
    free(y);
}

// Four taps per result, neighbours as in a bilinear map.
static void bench_gather(const atl_cpu_kernels *k, int64_t h, int64_t c) {
    int64_t p = h * h;
    float *x = floats((size_t)(p * c)), *y = floats((size_t)(p * c)), *index = floats((size_t)(4 * p));
    float *weight = floats((size_t)(4 * p));
    for (int64_t i = 0; i < 4 * p; i++) {
        int64_t at = i / 4 + (i & 1) + (i >> 1 & 1) * h;
        index[i] = (float)(at < p ? at : 0);
    }
    atl_cpu_gather_dims d = { 1, p, p, 4, c, 4 * p, 4 * p };
    double t, bytes = (double)(2 * p * c + 8 * p) * sizeof(float);
    char name[80];
    snprintf(name, sizeof name, "gather of four taps, %lld x %lldx%lld", (long long)c, (long long)h, (long long)h);
    BEST(atl_cpu_gather(&k->gather, &d, x, index, weight, y, NULL), t);
    report(name, t, bytes, 0.0);
    BEST(atl_cpu_gather_t(&k->gather, &d, y, index, weight, x, NULL), t);
    report("    and back", t, bytes, 0.0);
    free(x);
    free(y);
    free(index);
    free(weight);
}

int main(void) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = 1;
    if (atl_ctx_open(&ctx, &o) != ATL_OK)
        return 1;
    atl_cpu_kernels k;
    atl_cpu_kernels_init(&k, atl_cpu_detect());
    printf("peak of one thread: %.1f GFLOP/s\n", atl_peak_gflops(ctx));
    const int layers[][4] = { { 112, 32, 3, 1 }, { 112, 96, 3, 2 },  { 56, 144, 3, 1 }, { 28, 240, 5, 1 },
                              { 14, 672, 5, 1 }, { 256, 128, 3, 1 }, { 512, 64, 3, 1 } };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int slot = ATL_SLOT_Y; slot <= ATL_SLOT_X; slot++)
            bench_depthwise(ctx, (atl_slot)slot, layers[i][0], layers[i][1], layers[i][2], layers[i][3]);
    bench_pick(&k, 224, 64, 2, 2);
    bench_pick(&k, 147, 64, 3, 2);
    bench_pick(&k, 35, 288, 3, 1);
    bench_gather(&k, 256, 3);
    bench_gather(&k, 128, 64);
    atl_ctx_close(&ctx);
    return 0;
}
