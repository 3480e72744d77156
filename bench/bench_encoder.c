// SPDX-License-Identifier: Apache-2.0
// Encoders: time against the machine's peak, where it goes, and what the steps of ReStyle cost.  Weights are
// random.
//
//   bench_encoder [psp | e4e | restyle [layers [runs]]]
//
// R is (work of the direct algorithm / peak) / time, of the encoder alone, pictures of 256x256.  restyle also
// runs five steps with a StyleGAN2 of 256x256, and tells them in passes: the time of one encoder and one
// decoder run.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <atelier/encode.h>

#include "api/model_api.h"
#include "table.h"

enum { SIDE = 256, STYLES = 18, W = 512, STEPS = 5 };

static void must(const atl_ctx *ctx, atl_status status) {
    if (status == ATL_OK)
        return;
    printf("%s\n", atl_message(ctx));
    exit(1);
}

static const struct {
    const char *name, *type;
    int channels, styles;
} ENCODERS[] = {
    { "psp", "GradualStyleEncoder", 3, STYLES },
    { "e4e", "Encoder4Editing", 3, STYLES },
    { "restyle", "BackboneEncoder", 6, 14 }, // of the generator of 256x256
};

static atl_model *make_encoder(atl_ctx *ctx, int k) {
    atl_network net;
    atl_model *model;
    json_t *config =
        json_pack("{s:s s:s s:[i,i,i,i] s:[i,i,i,i] s:i s:i s:i s:i s:i s:i s:i s:{}}", "encoder_type",
                  ENCODERS[k].type, "trunk", "ir_se", "units", 3, 4, 14, 3, "channels", 64, 128, 256, 512,
                  "num_ws", ENCODERS[k].styles, "w_dim", W, "height", SIDE, "width", SIDE, "input_nc",
                  ENCODERS[k].channels, "average", 1, "start_from_latent_avg", 1, "opts");
    atl_status status =
        atl_network_make(ctx, atl_model_row_find("style_encoder"), "encoder", config, 0, &net);
    must(ctx, atl_model_new(ctx, &net, status, &model));
    return model;
}

static float *numbers(size_t count) {
    float *x = malloc(count * sizeof *x);
    for (size_t i = 0; x && i < count; i++)
        x[i] = (float)(i * 2654435761u % 1000u) * 2e-3f - 1.0f;
    if (!x)
        exit(1);
    return x;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void time_encoder(atl_ctx *ctx, atl_model *m, int k, int layers, int runs) {
    atl_program *p;
    float *x = numbers((size_t)ENCODERS[k].channels * SIDE * SIDE);
    double ms, peak = atl_peak_gflops(ctx);
    must(ctx, atl_programs_get(&m->programs, &(atl_program_key){ .function = "encode", .n = 1 }, &p));
    must(ctx, atl_program_write(p, "img", 1, x));
    must(ctx, atl_program_run(p));
    must(ctx, atl_plan_time(p->plan, runs, NULL, &ms));
    if (layers)
        print_plan(p->plan, layers);
    double after = atl_peak_gflops(ctx), gflop = 1e-9 * atl_plan_flops(p->plan);
    peak = after > peak ? after : peak;
    printf("%s: %.1f ms; %.2f GFLOP, %.1f GFLOP/s of %.1f: R %.2f; memory %zu MB\n", ENCODERS[k].name, ms,
           gflop, gflop / ms * 1e3, peak, gflop / peak / ms * 1e3, atl_plan_bytes(p->plan) >> 20);
    free(x);
}

// The fastest of some runs of `steps` steps.
static double time_steps(atl_ctx *ctx, atl_model *m, atl_model *g, int steps, int runs) {
    atl_encode_options o = ATL_ENCODE_OPTIONS_INIT;
    atl_encoder *e;
    const atl_model_info *info = atl_model_get_info(g);
    float *x = numbers((size_t)3 * SIDE * SIDE), *ws = numbers((size_t)(steps * info->num_ws) * W);
    float *img = numbers((size_t)steps * 3 * SIDE * SIDE);
    double best = 0;
    o.steps = steps;
    must(ctx, atl_encoder_open(m, g, &o, &e));
    for (int i = 0; i <= runs; i++) { // the first makes plans
        double begin = seconds();
        must(ctx, atl_encoder_run(e, 1, x, ws, img));
        double took = seconds() - begin;
        best = i == 1 || (i && took < best) ? took : best;
    }
    atl_encoder_close(&e);
    free(x);
    free(ws);
    free(img);
    return best * 1e3;
}

static void time_restyle(atl_ctx *ctx, atl_model *m, int runs) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    atl_model *g;
    must(ctx, atl_model_init(ctx, &o, &g));
    double one = time_steps(ctx, m, g, 1, runs), all = time_steps(ctx, m, g, STEPS, runs);
    printf("one step %.1f ms, %d steps %.1f ms: %.2f passes\n", one, STEPS, all, all / one);
    atl_model_close(&g);
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "psp";
    int layers = argc > 2 ? atoi(argv[2]) : 0, runs = argc > 3 ? atoi(argv[3]) : 7, k = 0;
    atl_ctx *ctx;
    while (k < 2 && strcmp(name, ENCODERS[k].name) != 0)
        k++;
    if (atl_ctx_open(&ctx, NULL) != ATL_OK)
        return 1;
    atl_model *m = make_encoder(ctx, k);
    time_encoder(ctx, m, k, layers, runs);
    if (!strcmp(ENCODERS[k].name, "restyle"))
        time_restyle(ctx, m, runs);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
    return 0;
}
