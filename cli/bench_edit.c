// SPDX-License-Identifier: Apache-2.0
// atelier bench --project and --tune: a step of projection, and one of pivotal tuning, with LPIPS of fresh
// weights or the loss mse.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <atelier/project.h>
#include <atelier/rng.h>
#include "app/progress.h"
#include "bench.h"

// One of both searches, begun.
typedef struct search {
    atl_projector *project;
    atl_tuner *tune;
    double gflop;
    size_t bytes;
} search;

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static atl_status open_project(const cli_bench_options *b, atl_model *model, atl_model *lpips,
                               const float *target, search *s) {
    atl_project_options o = ATL_PROJECT_OPTIONS_INIT;
    atl_project_start start = ATL_PROJECT_START_INIT;
    o.loss = lpips ? "lpips" : "mse";
    o.features = lpips;
    o.batch = start.count = b->batch;
    o.samples = 250; // the mean of w is not what is measured
    start.targets = target;
    atl_status status = atl_projector_open(model, &o, &s->project);
    if (status == ATL_OK)
        atl_projector_cost(s->project, &s->gflop, &s->bytes);
    return status == ATL_OK ? atl_projector_begin(s->project, &start) : status;
}

static atl_status open_tune(const cli_bench_options *b, atl_model *model, atl_model *lpips,
                            const float *target, const float *ws, search *s) {
    atl_tune_options o = ATL_TUNE_OPTIONS_INIT;
    atl_tune_start start = ATL_TUNE_START_INIT;
    o.loss = lpips ? "lpips+mse" : "mse";
    o.features = lpips;
    o.threshold = 0; // all steps are made
    o.batch = start.count = b->batch;
    start.targets = target;
    start.ws = ws;
    atl_status status = atl_tuner_open(model, &o, &s->tune);
    if (status == ATL_OK)
        atl_tuner_cost(s->tune, &s->gflop, &s->bytes);
    return status == ATL_OK ? atl_tuner_begin(s->tune, &start) : status;
}

// The median of steps, in milliseconds; negative after a failure.
static double time_steps(const cli_bench_options *b, search *s) {
    double *ms = calloc((size_t)b->runs, sizeof *ms), median = -1;
    atl_status status = ms ? ATL_OK : ATL_NO_MEMORY;
    for (int i = -b->warmup; status == ATL_OK && i < b->runs; i++) {
        double start = app_seconds();
        status = s->project ? atl_projector_step(s->project) : atl_tuner_step(s->tune);
        if (i >= 0)
            ms[i] = (app_seconds() - start) * 1000;
    }
    if (status == ATL_OK) {
        qsort(ms, (size_t)b->runs, sizeof *ms, by_size);
        median = ms[b->runs / 2];
    }
    free(ms);
    return median;
}

static int print(const cli_bench_options *b, const atl_ctx *ctx, const search *s, double ms) {
    char cpu[200];
    const char *what = s->project ? "projection" : "tuning";
    double ratio = cli_bench_ratio(b->peak, s->gflop, ms);
    cli_bench_processor(cpu, sizeof cpu);
    if (b->json)
        return cli_bench_print_json(
            json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:I, s:f, s:i, s:s, s:s, s:i, s:i}", "step", what,
                      "ms_per_step", ms, "steps_per_second", 1000 / ms, "direct_gflop", s->gflop,
                      "peak_gflops", b->peak, "ratio", ratio, "bytes", (json_int_t)s->bytes, "peak_rss_mb",
                      cli_bench_resident_mb(), "threads", atl_ctx_threads(ctx), "cpu", cpu, "kernels",
                      atl_ctx_cpu(ctx), "batch", b->batch, "runs", b->runs));
    cli_bench_print_head(ctx, cpu, b->peak);
    printf("work          %.2f GFLOP per step of %s by the direct algorithm\n", s->gflop, what);
    printf("time          %.2f ms per step, %.2f steps per second (batch %d, median of %d)\n", ms, 1000 / ms,
           b->batch, b->runs);
    printf("ratio         %.2f (1 is a perfect direct implementation)\n", ratio);
    printf("memory        %.0f MB at the most, of which %.0f MB for the step\n", cli_bench_resident_mb(),
           (double)s->bytes / 1e6);
    return CLI_SUCCESS;
}

static int measure(cli_bench_options *b, atl_ctx *ctx, search *s) {
    double before = atl_peak_gflops(ctx), ms = time_steps(b, s), after = atl_peak_gflops(ctx);
    b->peak = before > after ? before : after;
    return ms < 0 ? cli_fail(ctx) : print(b, ctx, s, ms);
}

// Latents of seeds, and pictures of waves: those of the network would need a plan of it that stays in memory.
static atl_status make_targets(const cli_bench_options *b, atl_model *model, float *z, float *ws,
                               float *target) {
    const atl_model_info *i = atl_model_get_info(model);
    size_t width = (size_t)i->width, count = (size_t)b->batch * (size_t)(i->channels * i->height) * width;
    for (int k = 0; k < b->batch; k++)
        atl_seed_to_z((uint32_t)k, (size_t)i->z_dim, z + (size_t)k * (size_t)i->z_dim);
    for (size_t k = 0; k < count; k++)
        target[k] = sinf(0.05f * (float)(k % width)) * cosf(0.03f * (float)(k / width));
    return atl_model_map(model, b->batch, z, NULL, NULL, ws);
}

int cli_bench_edit(cli_bench_options *b, atl_ctx *ctx, atl_model *model) {
    const atl_model_info *i = atl_model_get_info(model);
    atl_init_options lpips = ATL_INIT_OPTIONS_INIT;
    atl_model *features = NULL;
    search s = { 0 };
    size_t n = (size_t)b->batch, row = (size_t)i->num_ws * (size_t)i->w_dim;
    float *z = calloc(n, (size_t)(i->z_dim + 1) * sizeof *z), *ws = calloc(n, row * sizeof *ws);
    float *target = calloc(n, (size_t)i->channels * (size_t)i->height * (size_t)i->width * sizeof *target);
    lpips.cfg = "lpips-vgg";
    int status = CLI_FAILURE;
    if (!z || !ws || !target)
        cli_error("out of memory");
    else if ((b->features && atl_model_init(ctx, &lpips, &features) != ATL_OK) ||
             make_targets(b, model, z, ws, target) != ATL_OK ||
             (b->project ? open_project(b, model, features, target, &s)
                         : open_tune(b, model, features, target, ws, &s)) != ATL_OK)
        cli_fail(ctx);
    else
        status = measure(b, ctx, &s);
    atl_projector_close(&s.project);
    atl_tuner_close(&s.tune);
    atl_model_close(&features);
    free(z);
    free(ws);
    free(target);
    return status;
}
