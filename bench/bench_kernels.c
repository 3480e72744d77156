// SPDX-License-Identifier: Apache-2.0
// Speed of the processor's kernels on the sizes of StyleGAN2: GB/s (read and written once) of what is
// bound by memory, GFLOP/s of what is bound by arithmetic, beside the peak measured in the same run.
#include <math.h>
#include "bench.h"

#include "cpu/conv.h"
#include "cpu/gemm.h"
#include "cpu/move.h"
#include "cpu/reduce.h"

#define BEST(statement, seconds) BEST_OF(12, CLOCK_MONOTONIC, statement, seconds)

static void report(const char *name, double seconds, double gb, double gflop) {
    printf("%-44s %9.3f ms", name, seconds * 1e3);
    if (gb > 0.0)
        printf("  %6.1f GB/s", gb / seconds);
    if (gflop > 0.0)
        printf("  %6.1f GFLOP/s", gflop / seconds);
    printf("\n");
}

static void bench_fir(atl_ctx *ctx, const char *name, atl_cpu_fir_args a, const atl_cpu_epilogue *e) {
    static const float taps[4] = { 1, 3, 3, 1 };
    float f[16];
    int oh, ow;
    for (int i = 0; i < 16; i++)
        f[i] = taps[i / 4] * taps[i % 4] / 64.0f;
    atl_cpu_fir *fir;
    if (atl_cpu_fir_make(ctx, table_of(ctx), team_of(ctx), &a, f, &fir))
        exit(1);
    atl_cpu_fir_size(&a, &oh, &ow);
    size_t in = (size_t)a.n * (size_t)a.h * (size_t)a.w * (size_t)a.c;
    size_t out = (size_t)a.n * (size_t)oh * (size_t)ow * (size_t)a.c;
    float *x = floats(in), *y = floats(out);
    void *space = memory(atl_cpu_fir_workspace(fir));
    double seconds;
    BEST(atl_cpu_fir_run(fir, x, y, e, space), seconds);
    report(name, seconds, (double)(in + out) * 4e-9, 0.0);
    atl_cpu_fir_free(&fir);
    free(x);
    free(y);
    free(space);
}

static void bench_firs(atl_ctx *ctx) {
    float *channel = floats(512), *noise = floats(1024 * 1024);
    atl_cpu_epilogue e = { channel, noise, channel, NULL, 0, 0, 0.2f, 1.4f, 256.0f, NULL, 1.0f };
    bench_fir(ctx, "fir 4x4 1025x1025x32",
              (atl_cpu_fir_args){ 1, 1025, 1025, 32, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 0, 4 }, NULL);
    bench_fir(ctx, "fir 4x4 1025x1025x32, epilogue",
              (atl_cpu_fir_args){ 1, 1025, 1025, 32, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 0, 4 }, &e);
    bench_fir(ctx, "fir 4x4 129x129x256, epilogue",
              (atl_cpu_fir_args){ 1, 129, 129, 256, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 0, 4 }, &e);
    bench_fir(ctx, "fir 4x4 17x17x512, epilogue",
              (atl_cpu_fir_args){ 1, 17, 17, 512, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 0, 4 }, &e);
    bench_fir(ctx, "fir up 2 512x512x3",
              (atl_cpu_fir_args){ 1, 512, 512, 3, 4, 4, 2, 2, 1, 1, 2, 1, 2, 1, 0, 4 }, NULL);
    bench_fir(ctx, "fir down 2 1024x1024x3",
              (atl_cpu_fir_args){ 1, 1024, 1024, 3, 4, 4, 1, 1, 2, 2, 1, 1, 1, 1, 0, 1 }, NULL);
    bench_fir(ctx, "fir down 2 1024x1024x32",
              (atl_cpu_fir_args){ 1, 1024, 1024, 32, 4, 4, 1, 1, 2, 2, 1, 1, 1, 1, 0, 1 }, NULL);
    bench_fir(ctx, "fir up 2 256x256x64",
              (atl_cpu_fir_args){ 1, 256, 256, 64, 4, 4, 2, 2, 1, 1, 2, 1, 2, 1, 0, 4 }, NULL);
    free(channel);
    free(noise);
}

static void bench_memory(atl_ctx *ctx, const atl_cpu_kernels *k) {
    const size_t pixels = 1024 * 1024, c = 32, n = pixels * c;
    float *x = floats(n), *y = floats(n), *w = floats(512 * 512), *noise = floats(pixels);
    atl_team *team = team_of(ctx);
    double s, gb = (double)n * 4e-9;
    atl_cpu_epilogue e = { w, noise, w, NULL, 0, 0, 0.2f, 1.4f, 256.0f, NULL, 1.0f },
                     bias = ATL_EPILOGUE_NONE;
    bias.bias = w;
    bias.residual = noise; // any memory of the right size
    const int64_t dims[4] = { 1, 1, (int64_t)pixels, (int64_t)c }, dense[4] = { 0, 0, (int64_t)c, 1 },
                  row[4] = { 0, 0, 0, 1 };
    BEST(memcpy(y, x, n * 4), s);
    report("memcpy, one thread, 32 Mi floats", s, 2 * gb, 0.0);
    BEST(atl_cpu_move_copy(4, dims, y, dense, x, dense, team), s);
    report("copy", s, 2 * gb, 0.0);
    BEST(atl_cpu_epilogue_run(&k->pointwise, &e, y, y, 1, pixels, c, team), s);
    report("epilogue in place 1024x1024x32", s, 2 * gb, 0.0);
    BEST(atl_cpu_binary_run(&k->pointwise, ATL_FN_MUL, dims, y, x, dense, w, row, team), s);
    report("multiply by channel 1024x1024x32", s, 2 * gb, 0.0);
    BEST(atl_cpu_unary_run(&k->pointwise, ATL_FN_LRELU, y, x, (int64_t)n, 0.2f, 0.0f, team), s);
    report("lrelu 32 Mi", s, 2 * gb, 0.0);
    const int64_t nchw[4] = { 1, (int64_t)c, 1024, 1024 };
    BEST(atl_cpu_move_permute(4, nchw, (const int[]){ 0, 2, 3, 1 }, y, x, team), s);
    report("nchw to nhwc 32x1024x1024", s, 2 * gb, 0.0);
    void *space = memory(atl_cpu_reduce_workspace(4, dims, 4));
    BEST(atl_cpu_reduce_sum(&k->pointwise, 4, dims, 4, x, NULL, y, team, space), s);
    report("sum over pixels 1024x1024x32", s, gb, 0.0);
    atl_cpu_rgb_args to = { 1, (int)c, 3, pixels, 0 }, from = { 1, 3, (int)c, pixels, 0 };
    BEST(atl_cpu_rgb_run(&k->rgb, &k->pointwise, &to, y, x, w, NULL, team), s);
    report("to rgb 1024x1024x32", s, gb * 35 / 32, 0.0);
    float *image = floats(pixels * 3);
    bias.residual = image;
    BEST(atl_cpu_rgb_run(&k->rgb, &k->pointwise, &to, y, x, w, &bias, team), s);
    report("to rgb 1024x1024x32, bias, residual", s, gb * 38 / 32, 0.0);
    BEST(atl_cpu_rgb_run(&k->rgb, &k->pointwise, &from, y, image, w, NULL, team), s);
    report("from rgb 1024x1024x32", s, gb * 35 / 32, 0.0);
    free(image);
    free(space);
    free(x);
    free(y);
    free(w);
    free(noise);
}

static void bench_conv(atl_ctx *ctx, const char *name, atl_cpu_conv_shape shape) {
    size_t in = (size_t)shape.n * (size_t)shape.h * (size_t)shape.w * (size_t)shape.ci;
    size_t out = (size_t)shape.n * (size_t)shape.oh * (size_t)shape.ow * (size_t)shape.co;
    size_t nw = (size_t)shape.ci * (size_t)shape.co * (size_t)(shape.kh * shape.kw);
    float *x = floats(in), *y = floats(out), *w = floats(nw);
    // of the transposed convolution each input pixel meets all taps, of the forward one each output pixel
    double gflop = 2e-9 * (double)nw * (double)shape.n * (double)shape.oh * (double)shape.ow;
    for (int slot = ATL_SLOT_Y; slot <= ATL_SLOT_W; slot++) {
        static const char *const slots[] = { "y", "x", "w" };
        char text[96];
        shape.slot = (atl_slot)slot;
        atl_cpu_conv *conv;
        if (atl_cpu_conv_make(ctx, table_of(ctx), team_of(ctx), &shape, slot == ATL_SLOT_W ? NULL : w, &conv))
            exit(1);
        void *space = memory(atl_cpu_conv_workspace(conv));
        double s;
        if (slot == ATL_SLOT_Y)
            BEST((void)atl_cpu_conv_run(conv, x, w, y, space), s);
        else if (slot == ATL_SLOT_X)
            BEST((void)atl_cpu_conv_run(conv, y, w, x, space), s);
        else
            BEST((void)atl_cpu_conv_run(conv, x, y, w, space), s);
        snprintf(text, sizeof text, "conv %s, slot %s", name, slots[slot]);
        report(text, s, 0.0, gflop);
        atl_cpu_conv_free(&conv);
        free(space);
    }
    free(x);
    free(y);
    free(w);
}

static void bench_gemm(atl_ctx *ctx, const char *name, int64_t m, int64_t n, int64_t k, int constant) {
    float *a = floats((size_t)(m * k)), *b = floats((size_t)(n * k)), *c = floats((size_t)(m * n));
    atl_cpu_gemm_shape shape = { 1, m, n, k, 0, 1, 0, 0, 0 };
    atl_cpu_gemm *gemm;
    if (atl_cpu_gemm_make(ctx, table_of(ctx), team_of(ctx), &shape, constant ? b : NULL, &gemm))
        exit(1);
    void *space = memory(atl_cpu_gemm_workspace(gemm));
    double s;
    BEST((void)atl_cpu_gemm_run(gemm, a, b, c, space), s);
    report(name, s, (double)(n * k) * 4e-9, 2e-9 * (double)(m * n * k));
    atl_cpu_gemm_free(&gemm);
    free(space);
    free(a);
    free(b);
    free(c);
}

int main(void) {
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_cpu_kernels k;
    atl_cpu_kernels_init(&k, ctx->cpu);
    printf("%s, %d threads, peak %.0f GFLOP/s\n", atl_ctx_cpu(ctx), ctx->threads, atl_peak_gflops(ctx));
    bench_firs(ctx);
    bench_memory(ctx, &k);
    bench_gemm(ctx, "1x512 by constant 512x512", 1, 512, 512, 1);
    bench_gemm(ctx, "1x512 by 512x512", 1, 512, 512, 0);
    bench_gemm(ctx, "4x512 by constant 512x512", 4, 512, 512, 1);
    bench_gemm(ctx, "4x512 by 512x512", 4, 512, 512, 0);
    bench_gemm(ctx, "16x512 by constant 512x512", 16, 512, 512, 1);
    bench_gemm(ctx, "17x512 by constant 512x512", 17, 512, 512, 1);
    bench_gemm(ctx, "16x512 by 512x512", 16, 512, 512, 0);
    bench_gemm(ctx, "1x8192 by constant 8192x512", 1, 512, 8192, 1);
    bench_conv(ctx, "3x3 512-512 64x64",
               (atl_cpu_conv_shape){ ATL_SLOT_Y, 1, 64, 64, 512, 64, 64, 512, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0 });
    bench_conv(ctx, "3x3 32-32 1024x1024",
               (atl_cpu_conv_shape){ ATL_SLOT_Y, 1, 1024, 1024, 32, 1024, 1024, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0 });
    bench_conv(ctx, "3x3 stride 2 512-512 33x33",
               (atl_cpu_conv_shape){ ATL_SLOT_Y, 1, 33, 33, 512, 16, 16, 512, 3, 3, 2, 2, 0, 0, 0, 0, 1, 0 });
    bench_conv(ctx, "3x3 stride 2 64-128 513x513",
               (atl_cpu_conv_shape){ ATL_SLOT_Y, 1, 513, 513, 64, 256, 256, 128, 3, 3, 2, 2, 0, 0, 0, 0, 1, 0 });
    bench_conv(ctx, "3x3 stride 2 32-64 1025x1025",
               (atl_cpu_conv_shape){ ATL_SLOT_Y, 1, 1025, 1025, 32, 512, 512, 64, 3, 3, 2, 2, 0, 0, 0, 0, 1, 0 });
    bench_conv(ctx, "3x3 512-512 4x4",
               (atl_cpu_conv_shape){ ATL_SLOT_Y, 1, 4, 4, 512, 4, 4, 512, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0 });
    atl_ctx_close(&ctx);
    return 0;
}
