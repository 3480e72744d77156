// SPDX-License-Identifier: Apache-2.0
// Speed of the Winograd convolutions at the layers of StyleGAN2 at 1024 pixels, of encoders and
// discriminators: effective GFLOP/s, that is the arithmetic of the direct (transposed) convolution over the
// time, best of several runs, next to the machine's multiply-add throughput measured just before: on a shared
// machine only their ratio means much.
//
//     bench_winograd [threads [filter [tiles [split]]]]     filter: "up1", "up2", "down2", "grad1", "grad2" (weight
//     gradients at strides 1 and 2), or part of a line
#include <math.h>
#include <stdint.h>
#include "bench.h"

#include "cpu/winograd_grad.h"
#include "cpu/winograd_inside.h"

static const atl_cpu_wino_shape LAYERS[] = {
    { 1, 32, 32, 512, 512, 1, 0, 0, 0, 0, 0, 0 },       { 1, 64, 64, 512, 512, 1, 0, 0, 0, 0, 0, 0 },
    { 1, 128, 128, 256, 256, 1, 0, 0, 0, 0, 0, 0 },     { 1, 256, 256, 128, 128, 1, 0, 0, 0, 0, 0, 0 },
    { 1, 512, 512, 64, 64, 1, 0, 0, 0, 0, 0, 0 },       { 1, 1024, 1024, 32, 32, 1, 0, 0, 0, 0, 0, 0 },
    { 1, 8, 8, 512, 512, 1, 0, 0, 0, 0, 0, 0 },         { 1, 16, 16, 512, 512, 1, 0, 0, 0, 0, 0, 0 },
    { 1, 8, 8, 512, 512, 2, 0, 0, 0, 0, 0, 0 },         { 1, 16, 16, 512, 512, 2, 0, 0, 0, 0, 0, 0 },
    { 1, 32, 32, 512, 512, 2, 0, 0, 0, 0, 0, 0 },       { 1, 64, 64, 512, 256, 2, 0, 0, 0, 0, 0, 0 },
    { 1, 128, 128, 256, 128, 2, 0, 0, 0, 0, 0, 0 },     { 1, 256, 256, 128, 64, 2, 0, 0, 0, 0, 0, 0 },
    { 1, 512, 512, 64, 32, 2, 0, 0, 0, 0, 0, 0 },       { 1, 64, 64, 512, 512, 1, 0, 0, 1, 1, 32, 32 },
    { 1, 32, 32, 512, 512, 1, 0, 0, 1, 1, 16, 16 },     { 1, 16, 16, 512, 512, 1, 0, 0, 1, 1, 8, 8 },
    { 8, 65, 65, 64, 64, 1, 0, 0, 1, 0, 32, 32 },       { 8, 33, 33, 64, 64, 1, 0, 0, 1, 0, 16, 16 },
    { 8, 17, 17, 64, 64, 1, 0, 0, 1, 0, 8, 8 },         { 4, 65, 65, 64, 128, 1, 0, 0, 1, 0, 32, 32 },
    { 4, 33, 33, 128, 256, 1, 0, 0, 1, 0, 16, 16 },     { 4, 17, 17, 256, 512, 1, 0, 0, 1, 0, 8, 8 },
    { 1, 257, 257, 128, 256, 1, 0, 0, 1, 0, 128, 128 }, { 4, 65, 65, 32, 64, 1, 0, 0, 1, 0, 32, 32 },
};

static const atl_cpu_wino_grad_shape GRADIENTS[] = {
    { 4, 64, 64, 256, 256, 1, 0, 0, 0, 0 },  { 4, 32, 32, 512, 512, 1, 0, 0, 0, 0 },
    { 4, 16, 16, 512, 512, 1, 0, 0, 0, 0 },  { 8, 64, 64, 64, 64, 1, 0, 0, 0, 0 },
    { 4, 65, 65, 256, 512, 0, 1, 32, 32, 0 }, { 4, 33, 33, 512, 512, 0, 1, 16, 16, 0 },
    { 4, 17, 17, 512, 512, 0, 1, 8, 8, 0 },  { 8, 65, 65, 64, 64, 0, 1, 32, 32, 0 },
    { 8, 33, 33, 64, 64, 0, 1, 16, 16, 0 },  { 8, 17, 17, 64, 64, 0, 1, 8, 8, 0 },
};

static double now(void) {
    return seconds_of(CLOCK_MONOTONIC);
}

static void bench(atl_ctx *ctx, const atl_cpu_wino_shape *s, const atl_cpu_wino_plan *plan) {
    const float taps[4] = { 0.25f, 0.75f, 0.75f, 0.25f };
    size_t pixels = (size_t)(s->n * s->h * s->w), ci = (size_t)s->ci, co = (size_t)s->co, up = (size_t)s->up;
    float fir[16], *x = floats(pixels * ci), *w = floats(9 * ci * co),
                   *scale = floats((size_t)s->n * ci + co);
    float *noise = floats(pixels * up * up), *y = floats(pixels * up * up * co);
    for (int i = 0; i < 16; i++)
        fir[i] = taps[i / 4] * taps[i % 4];
    atl_cpu_epilogue e = { scale + ci, noise, scale, NULL, 0, 0, 0.2f, 1.414f, 256.0f, NULL, 1.0f };
    atl_cpu_wino *wino;
    double start = now();
    if (atl_cpu_wino_make_planned(ctx, table_of(ctx), team_of(ctx), s, w, fir, plan, &wino)) {
        printf("%s\n", atl_message(ctx));
        exit(1);
    }
    double made = now() - start;
    void *space = floats(atl_cpu_wino_workspace(wino) / sizeof(float));
    double peak = atl_peak_gflops(ctx);
    double flops = 18.0 * (double)((s->down ? (size_t)(s->n * s->oh * s->ow) : pixels) * ci * co), best = 1e9,
           total = 0;
    int runs = 0;
    for (start = now(); runs < 5 || now() - start < 1.0; runs++) {
        double t = now();
        atl_cpu_wino_run(wino, x, w, scale, y, &e, space);
        t = now() - t;
        total += t;
        if (t < best)
            best = t;
    }
    double planes = s->up == 2 || s->down ? 81 : 36;
    double tiles = s->n * ceil((s->down ? s->oh : s->h) / 4.0) * ceil((s->down ? s->ow : s->w) / 4.0);
    printf("%s%d %dx%4dx%-4d %3d->%-3d  %7.1f effective  %6.1f in products  peak %5.0f  "
           "best %7.2f ms  mean %7.2f  make %5.1f ms  space %6.1f MB  %s %d\n",
           s->down ? "down" : "up", s->down ? 2 : s->up, s->n, s->h, s->w, s->ci, s->co, flops / best * 1e-9,
           2 * planes * tiles * (double)(ci * co) / best * 1e-9, peak, best * 1e3, total / runs * 1e3,
           made * 1e3, (double)atl_cpu_wino_workspace(wino) / 1e6, wino->plan.split ? "split" : "blocks",
           wino->plan.tiles);
    fflush(stdout);
    atl_cpu_wino_free(&wino);
    free(space);
    free(x);
    free(w);
    free(scale);
    free(noise);
    free(y);
}

static void bench_gradient(atl_ctx *ctx, const atl_cpu_wino_grad_shape *s, const char *name) {
    int oh = s->down ? s->oh : s->h + 2 * s->pad - 2, ow = s->down ? s->ow : s->w + 2 * s->pad - 2;
    size_t ci = (size_t)s->ci, co = (size_t)s->co, pixels = (size_t)(s->n * oh * ow);
    float *x = floats((size_t)(s->n * s->h * s->w) * ci), *dy = floats(pixels * co), *dw = floats(9 * ci * co);
    atl_cpu_wino_grad *grad;
    if (atl_cpu_wino_grad_make(ctx, table_of(ctx), team_of(ctx), s, &grad)) {
        printf("%s\n", atl_message(ctx));
        exit(1);
    }
    void *space = floats(atl_cpu_wino_grad_workspace(grad) / sizeof(float));
    atl_cpu_wino_grad_args args = { x, dy, NULL, NULL, 0, 0 };
    double peak = atl_peak_gflops(ctx), best = 1e9, start = now();
    for (int runs = 0; runs < 5 || now() - start < 1.0; runs++) {
        double t = now();
        atl_cpu_wino_grad_run(grad, &args, dw, space);
        t = now() - t;
        best = t < best ? t : best;
    }
    printf("%-26s %2d samples  %7.1f effective  peak %5.0f  best %7.2f ms  space %6.1f MB\n", name, s->n,
           18e-9 * (double)(pixels * ci * co) / best, peak, best * 1e3,
           (double)atl_cpu_wino_grad_workspace(grad) / 1e6);
    fflush(stdout);
    atl_cpu_wino_grad_free(&grad);
    free(space);
    free(x);
    free(dy);
    free(dw);
}

int main(int argc, char **argv) {
    atl_ctx *ctx;
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    atl_cpu_wino_plan plan = { argc > 3 ? atoi(argv[3]) : 0, argc > 4 ? atoi(argv[4]) : 0 };
    int most = argc > 1 ? atoi(argv[1]) : 2;
    for (options.threads = argc > 1 ? most : 1; options.threads <= most; options.threads++) {
        if (atl_ctx_open(&ctx, &options))
            return 1;
        printf("%d threads, %s\n", options.threads, atl_ctx_cpu(ctx));
        for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++) {
            char name[64];
            const atl_cpu_wino_shape *s = &LAYERS[i];
            snprintf(name, sizeof name, "%s%d %dx%d %d->%d", s->down ? "down" : "up", s->down ? 2 : s->up,
                     s->h, s->w, s->ci, s->co);
            if (argc <= 2 || strstr(name, argv[2]))
                bench(ctx, s, plan.tiles || plan.split ? &plan : NULL);
        }
        for (size_t i = 0; i < sizeof GRADIENTS / sizeof *GRADIENTS; i++) {
            char name[64];
            const atl_cpu_wino_grad_shape *s = &GRADIENTS[i];
            snprintf(name, sizeof name, "grad%d %dx%d %d->%d", 1 + s->down, s->h, s->w, s->ci, s->co);
            if (argc <= 2 || strstr(name, argv[2]))
                bench_gradient(ctx, s, name);
        }
        atl_ctx_close(&ctx);
    }
    return 0;
}
