// SPDX-License-Identifier: Apache-2.0
// Where the time of a training step goes: each step of each phase's plan, summed by kernel and by layer.
//
//   bench_train [resolution [cbase [cmax [batch [augpipe [layers [cfg [depth]]]]]]]]     augpipe "-": none; layers:
//   how many lines
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "train/trainer.h"

static void profile(const atl_phase *p, int layers) {
    printf("%s: %.2f GFLOP\n", p->row->name, p->gflop);
    print_plan(p->plan, layers);
}

int main(int argc, char **argv) {
    atl_ctx *ctx;
    atl_trainer *t;
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.resolution = argc > 1 ? atoi(argv[1]) : 64;
    o.channel_base = argc > 2 ? atoi(argv[2]) : 4096;
    o.channel_max = argc > 3 ? atoi(argv[3]) : 64;
    o.batch = o.batch_gpu = argc > 4 ? atoi(argv[4]) : 8;
    o.map_depth = argc > 8 ? atoi(argv[8]) : 8;
    o.lod_initial = o.resolution; // networks that grow have grown
    if (argc > 7)
        o.cfg = argv[7];
    if (argc > 5 && strcmp(argv[5], "-") != 0)
        o.augpipe = argv[5];
    else
        o.aug = ATL_AUG_NONE;
    if (atl_ctx_open(&ctx, NULL) != ATL_OK || atl_trainer_open(ctx, &o, &t) != ATL_OK ||
        atl_trainer_measure(t, 5) != ATL_OK) {
        printf("%s\n", atl_message(ctx));
        return 1;
    }
    const atl_train_cost *c = atl_trainer_get_cost(t);
    double peak = atl_peak_gflops(ctx), gflop = 0;
    for (int k = 0; k < t->n_phases; k++) {
        atl_plan_attach(t->phases[k].plan, t->block);
        profile(&t->phases[k], argc > 6 ? atoi(argv[6]) : 0);
    }
    for (int k = 0; k < c->n_phases; k++) {
        printf("%-6s %8.1f ms  %8.2f GFLOP  R %.2f  %zu MB\n", c->phases[k].name, c->phases[k].ms,
               c->phases[k].gflop, c->phases[k].gflop / peak / c->phases[k].ms * 1e3,
               c->phases[k].bytes >> 20);
        gflop += c->phases[k].gflop / c->phases[k].interval;
    }
    printf("peak %.0f GFLOP/s; %.2f img/s; %.4f img/s per GFLOP/s; memory %zu MB\n", peak,
           1000 / c->sec_per_kimg, 1000 / c->sec_per_kimg / peak, c->bytes >> 20);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
    return 0;
}
