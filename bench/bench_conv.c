// SPDX-License-Identifier: Apache-2.0
// Direct convolutions without groups: our own kernels beside oneDNN's, in the three slots.  Both run in turn;
// the least processor time of one thread, which a busy machine changes little, and GFLOP/s.
//
//   bench_conv [shape [turns [constant]]]      one line of the table below, from 0 on, -1: all; 1: weights
//   are packed before
#include "bench.h"

#include "cpu/conv.h"

typedef struct layer {
    int n, h, ci, co, kernel, stride, pad;
} layer;

static const layer LAYERS[] = {
    { 8, 65, 64, 64, 3, 2, 0 },    { 8, 33, 64, 64, 3, 2, 0 },   { 8, 17, 64, 64, 3, 2, 0 },
    { 8, 9, 64, 64, 3, 2, 0 },     { 4, 129, 32, 64, 3, 2, 0 },  { 4, 65, 64, 128, 3, 2, 0 },
    { 4, 33, 128, 256, 3, 2, 0 },  { 4, 17, 256, 512, 3, 2, 0 }, { 4, 9, 512, 512, 3, 2, 0 },
    { 4, 5, 512, 512, 3, 2, 0 },   { 8, 4, 65, 64, 3, 1, 1 },    { 4, 4, 513, 512, 3, 1, 1 },
    { 1, 4, 512, 512, 3, 1, 1 },   { 1, 34, 64, 64, 3, 1, 0 },   { 1, 68, 16, 16, 3, 1, 0 },
    { 1, 16, 512, 512, 3, 1, 1 },  { 1, 38, 128, 128, 3, 1, 1 }, { 8, 32, 64, 64, 1, 1, 0 },
    { 8, 8, 64, 64, 1, 1, 0 },     { 4, 32, 256, 512, 1, 1, 0 }, { 8, 64, 3, 64, 1, 1, 0 },
    { 4, 64, 3, 32, 3, 1, 1 },     { 1, 224, 3, 64, 7, 2, 3 },   { 1, 64, 64, 3, 1, 1, 0 },
    { 1, 27, 64, 192, 5, 1, 2 },   { 1, 64, 128, 128, 4, 2, 1 }, { 4, 65, 16, 32, 3, 2, 0 },
    { 4, 65, 32, 32, 3, 2, 0 },    { 4, 64, 24, 24, 3, 1, 1 },   { 8, 17, 768, 192, 1, 1, 0 },
    { 8, 35, 288, 64, 1, 1, 0 },   { 8, 8, 2048, 320, 1, 1, 0 }, { 8, 35, 288, 384, 3, 2, 0 },
    { 1, 1025, 32, 64, 3, 2, 0 },  { 1, 513, 64, 128, 3, 2, 0 }, { 1, 257, 128, 256, 3, 2, 0 },
    { 1, 129, 256, 512, 3, 2, 0 }, { 1, 65, 512, 512, 3, 2, 0 }, { 1, 64, 512, 512, 3, 2, 1 },
    { 1, 32, 512, 512, 3, 2, 1 },  { 1, 16, 512, 512, 3, 2, 1 }, { 1, 8, 512, 512, 3, 2, 1 },
    { 1, 4, 512, 512, 3, 2, 1 },   { 1, 32, 512, 512, 3, 1, 1 },
};

static const char *const SLOTS[] = { [ATL_SLOT_Y] = "y", [ATL_SLOT_X] = "x", [ATL_SLOT_W] = "w" };

static double once(const atl_cpu_conv *conv, const float *a, const float *b, float *out, void *space) {
    double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    if (atl_cpu_conv_run(conv, a, b, out, space) != ATL_OK)
        exit(1);
    return seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void measure(atl_ctx *ctx, const layer *l, atl_slot slot, int turns, int constant) {
    int o = (l->h + 2 * l->pad - l->kernel) / l->stride + 1;
    atl_cpu_conv_shape s = { slot,   l->n,   l->h,      l->h,      l->ci,     o,
                             o,      l->co,  l->kernel, l->kernel, l->stride, l->stride,
                             l->pad, l->pad, l->pad,    l->pad,    1,         0 };
    size_t nx = (size_t)(l->n * l->h * l->h * l->ci), ny = (size_t)(l->n * o * o * l->co);
    size_t nw = (size_t)(l->kernel * l->kernel * l->ci * l->co);
    float *x = floats(nx), *y = floats(ny), *w = floats(nw);
    const float *a = slot == ATL_SLOT_X ? y : x, *b = slot == ATL_SLOT_W ? y : w;
    float *out = slot == ATL_SLOT_Y ? y : slot == ATL_SLOT_X ? x : w;
    atl_cpu_conv *conv[2];
    void *space[2];
    double best[2] = { 1e9, 1e9 };
    for (int i = 0; i < 2; i++) {
        if (atl_cpu_conv_make_by(i ? ATL_CPU_CONV_ONEDNN : ATL_CPU_CONV_OWN, ctx, table_of(ctx), NULL, &s,
                                 constant ? w : NULL, &conv[i]) != ATL_OK)
            exit(1);
        space[i] = memory(atl_cpu_conv_workspace(conv[i]));
    }
    for (int t = 0; t < 2 * turns; t++) {
        double took = once(conv[t % 2], a, b, out, space[t % 2]);
        best[t % 2] = took < best[t % 2] ? took : best[t % 2];
    }
    double gflop = 2e-9 * (double)ny * l->ci * l->kernel * l->kernel;
    printf("  %s  %6.1f own  %6.1f oneDNN  %5.2f  %6zu KB %6zu KB\n", SLOTS[slot], gflop / best[0],
           gflop / best[1], best[1] / best[0], atl_cpu_conv_workspace(conv[0]) / 1024,
           atl_cpu_conv_workspace(conv[1]) / 1024);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        atl_cpu_conv_free(&conv[i]);
        free(space[i]);
    }
    free(x);
    free(y);
    free(w);
}

int main(int argc, char **argv) {
    int only = argc > 1 ? atoi(argv[1]) : -1, turns = argc > 2 ? atoi(argv[2]) : 30;
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = 1;
    if (atl_ctx_open(&ctx, &o) != ATL_OK)
        return 1;
    for (int i = 0; i < (int)(sizeof LAYERS / sizeof *LAYERS); i++) {
        const layer *l = &LAYERS[i];
        if (only >= 0 && i != only)
            continue;
        printf("%2d: %d x %dx%d, %d to %d channels, kernel %d, stride %d, pad %d\n", i, l->n, l->h, l->h,
               l->ci, l->co, l->kernel, l->stride, l->pad);
        for (int slot = ATL_SLOT_Y; slot <= ATL_SLOT_W; slot++)
            measure(ctx, l, (atl_slot)slot, turns, argc > 3 && atoi(argv[3]));
    }
    atl_ctx_close(&ctx);
    return 0;
}
