// SPDX-License-Identifier: Apache-2.0
// Where the time of a training step goes: each step of each phase's plan, summed by kernel and by layer.
//
//   bench_train [resolution [cbase [cmax [batch [augpipe [layers]]]]]]     augpipe "-": none; layers: how
//   many lines
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/measure.h"
#include "train/trainer.h"

typedef struct line {
    char name[160];
    double ms, gflop;
    int count;
} line;
typedef struct table {
    line *lines;
    int size;
} table;

static void add(table *t, const char *name, double ms, double gflop) {
    int i = 0;
    while (i < t->size && strcmp(t->lines[i].name, name) != 0)
        i++;
    if (i == t->size) {
        t->lines = realloc(t->lines, (size_t)(t->size + 1) * sizeof *t->lines);
        t->lines[t->size++] = (line){ .ms = 0 };
        snprintf(t->lines[i].name, sizeof t->lines[i].name, "%s", name);
    }
    t->lines[i].ms += ms;
    t->lines[i].gflop += gflop;
    t->lines[i].count++;
}

static int slowest_first(const void *a, const void *b) {
    const line *x = a, *y = b;
    return x->ms < y->ms ? 1 : x->ms > y->ms ? -1 : 0;
}

static void print(table *t, int most, double total) {
    qsort(t->lines, (size_t)t->size, sizeof *t->lines, slowest_first);
    for (int i = 0; i < t->size && i < most; i++)
        printf("    %8.2f ms %5.1f %%  %8.1f GFLOP/s  x%-4d %s\n", t->lines[i].ms,
               100 * t->lines[i].ms / total,
               t->lines[i].ms > 0 ? t->lines[i].gflop / t->lines[i].ms * 1e3 : 0.0, t->lines[i].count,
               t->lines[i].name);
    free(t->lines);
    *t = (table){ NULL, 0 };
}

static void profile(const atl_phase *p, int layers) {
    enum { RUNS = 3 };
    atl_plan *plan = p->plan;
    int steps = atl_plan_steps(plan);
    double *ms = calloc((size_t)steps, sizeof *ms), total = 0;
    table kernels = { NULL, 0 }, names = { NULL, 0 };
    if (atl_plan_time(plan, RUNS, ms, NULL) != ATL_OK)
        exit(1);
    for (int t = 0; t < steps; t++) {
        const atl_step_info s = atl_plan_step(plan, t);
        char text[160], shape[ATL_SHAPE_TEXT];
        static const char *const slots[] = { "y", "x", "w" };
        snprintf(text, sizeof text, "%s %s", s.kernel,
                 s.node->op == ATL_OP_CONV                                   ? slots[s.node->at.conv.slot]
                 : s.node->op == ATL_OP_UNARY || s.node->op == ATL_OP_BINARY ? atl_node_op_name(s.node)
                                                                             : "");
        add(&kernels, text, ms[t], s.flops);
        char line_text[400];
        snprintf(line_text, sizeof line_text, "%-18s %-24s %s", text, atl_node_shape_text(s.node, shape),
                 s.name ? s.name : "");
        line_text[159] = 0;
        add(&names, line_text, ms[t], s.flops);
        total += ms[t];
    }
    printf("%s: %d steps, sum %.1f ms, %.2f GFLOP\n", p->row->name, steps, total, p->gflop);
    for (int i = 0; i < kernels.size; i++)
        kernels.lines[i].gflop *= 1e-9;
    for (int i = 0; i < names.size; i++)
        names.lines[i].gflop *= 1e-9;
    print(&kernels, 40, total);
    if (layers) {
        printf("  layers\n");
        print(&names, layers, total);
    }
    free(ms);
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
    o.map_depth = 8;
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
