// SPDX-License-Identifier: Apache-2.0
// Where the time of a plan goes: its steps, summed by kernel and by layer, slowest first.
#ifndef ATL_BENCH_TABLE_H
#define ATL_BENCH_TABLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/measure.h"

typedef struct line {
    char name[400];
    double ms, gflop;
    int count;
} line;
typedef struct table {
    line *lines;
    int size;
} table;

static inline void add(table *t, const char *name, double ms, double gflop) {
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

static inline int slowest_first(const void *a, const void *b) {
    const line *x = a, *y = b;
    return x->ms < y->ms ? 1 : x->ms > y->ms ? -1 : 0;
}

static inline void print(table *t, int most, double total) {
    qsort(t->lines, (size_t)t->size, sizeof *t->lines, slowest_first);
    for (int i = 0; i < t->size && i < most; i++)
        printf("    %8.2f ms %5.1f %%  %8.1f GFLOP/s  x%-4d %s\n", t->lines[i].ms,
               100 * t->lines[i].ms / total,
               t->lines[i].ms > 0 ? t->lines[i].gflop / t->lines[i].ms * 1e3 : 0.0, t->lines[i].count,
               t->lines[i].name);
    free(t->lines);
    *t = (table){ NULL, 0 };
}

// layers: how many lines of them; the sum of all steps in milliseconds comes back.
static inline double print_plan(atl_plan *plan, int layers) {
    enum { RUNS = 3 };
    int steps = atl_plan_steps(plan);
    double *ms = calloc((size_t)steps, sizeof *ms), total = 0;
    table kernels = { NULL, 0 }, names = { NULL, 0 };
    if (!ms || atl_plan_time(plan, RUNS, ms, NULL) != ATL_OK)
        exit(1);
    for (int t = 0; t < steps; t++) {
        const atl_step_info s = atl_plan_step(plan, t);
        char text[160], line_text[400], shape[ATL_SHAPE_TEXT];
        static const char *const slots[] = { "y", "x", "w" };
        snprintf(text, sizeof text, "%s %s", s.kernel,
                 s.node->op == ATL_OP_CONV                                   ? slots[s.node->at.conv.slot]
                 : s.node->op == ATL_OP_UNARY || s.node->op == ATL_OP_BINARY ? atl_node_op_name(s.node)
                                                                             : "");
        add(&kernels, text, ms[t], 1e-9 * s.flops);
        snprintf(line_text, sizeof line_text, "%-18s %-24s %s", text, atl_node_shape_text(s.node, shape),
                 s.name ? s.name : "");
        add(&names, line_text, ms[t], 1e-9 * s.flops);
        total += ms[t];
    }
    printf("  %d steps, sum %.1f ms\n", steps, total);
    print(&kernels, 40, total);
    if (layers) {
        printf("  layers\n");
        print(&names, layers, total);
    }
    free(ms);
    return total;
}

#endif
