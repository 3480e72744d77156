// SPDX-License-Identifier: Apache-2.0
// atelier bench --train: the phases of a training step on noise in place of pictures, each with its work and
// its ratio, and what that makes in pictures per second with every phase counted as often as it comes.
#include <stdio.h>
#include <string.h>
#include <atelier/train.h>
#include "bench.h"

static void print_text(const cli_bench_options *b, const atl_ctx *ctx, const atl_train_cost *c,
                       const char *cpu) {
    double per_second = c->sec_per_kimg > 0 ? 1000 / c->sec_per_kimg : 0;
    cli_bench_print_head(ctx, cpu, b->peak);
    printf("networks      G %.2f million parameters, D %.2f million\n", (double)c->g_params / 1e6,
           (double)c->d_params / 1e6);
    printf("%-6s %6s %6s %10s %10s %10s %6s %8s\n", "phase", "every", "batch", "ms", "GFLOP", "GFLOP/s",
           "ratio", "MB");
    for (int k = 0; k < c->n_phases; k++) {
        const atl_train_phase *p = &c->phases[k];
        printf("%-6s %6d %6d %10.2f %10.2f %10.1f %6.2f %8.0f\n", p->name, p->interval, p->batch, p->ms,
               p->gflop, p->ms > 0 ? p->gflop / p->ms * 1000 : 0, cli_bench_ratio(b->peak, p->gflop, p->ms),
               (double)p->bytes / 1e6);
    }
    printf("rate          %.2f images per second, %.2f s per kimg\n", per_second, c->sec_per_kimg);
    printf("rate / peak   %.4f images per second and GFLOP/s\n", b->peak > 0 ? per_second / b->peak : 0);
    printf("memory        %.0f MB at the most\n", cli_bench_resident_mb());
}

static int print_json(const cli_bench_options *b, const atl_ctx *ctx, const atl_train_cost *c,
                      const char *cpu) {
    json_t *phases = json_array();
    for (int k = 0; k < c->n_phases; k++) {
        const atl_train_phase *p = &c->phases[k];
        json_array_append_new(phases, json_pack("{s:s, s:i, s:i, s:f, s:f, s:f, s:I}", "phase", p->name,
                                                "every", p->interval, "batch", p->batch, "ms", p->ms, "gflop",
                                                p->gflop, "ratio", cli_bench_ratio(b->peak, p->gflop, p->ms),
                                                "bytes", (json_int_t)p->bytes));
    }
    json_t *o = json_pack("{s:f, s:f, s:f, s:f, s:i, s:s, s:s, s:o}", "images_per_second",
                          1000 / c->sec_per_kimg, "sec_per_kimg", c->sec_per_kimg, "peak_gflops", b->peak,
                          "peak_rss_mb", cli_bench_resident_mb(), "threads", atl_ctx_threads(ctx), "cpu", cpu,
                          "kernels", atl_ctx_cpu(ctx), "phases", phases);
    return cli_bench_print_json(o);
}

int cli_bench_train(cli_bench_options *b, atl_ctx *ctx) {
    atl_train_options o;
    atl_trainer *trainer = NULL;
    char cpu[200];
    if (b->network)
        return cli_usage_error("bench", "--train measures fresh networks; leave --network out");
    atl_train_options_init(&o, sizeof o);
    o.cfg = b->init.cfg;
    o.resolution = b->init.resolution;
    o.channel_base = b->init.channel_base;
    o.channel_max = b->init.channel_max;
    o.map_depth = b->init.map_depth;
    o.lod_initial = o.resolution; // networks that grow have grown
    o.batch = o.batch_gpu = b->batch_given ? b->batch : 8;
    o.aug = b->augpipe ? ATL_AUG_FIXED : ATL_AUG_NONE;
    o.p = 1;
    o.augpipe = b->augpipe ? b->augpipe : o.augpipe;
    double before = atl_peak_gflops(ctx);
    if (atl_trainer_open(ctx, &o, &trainer) != ATL_OK ||
        atl_trainer_measure(trainer, b->runs > 101 ? 101 : b->runs) != ATL_OK) {
        atl_trainer_close(&trainer, 1);
        return cli_fail(ctx);
    }
    double after = atl_peak_gflops(ctx);
    b->peak = before > after ? before : after;
    cli_bench_processor(cpu, sizeof cpu);
    int status = CLI_SUCCESS;
    if (b->json)
        status = print_json(b, ctx, atl_trainer_get_cost(trainer), cpu);
    else
        print_text(b, ctx, atl_trainer_get_cost(trainer), cpu);
    atl_trainer_close(&trainer, status != CLI_SUCCESS);
    return status;
}
