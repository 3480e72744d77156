// SPDX-License-Identifier: Apache-2.0
// What the two halves of `atelier bench` share.
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <jansson.h>
#include "common.h"

typedef struct cli_bench_options {
    cli_common common;
    const char *network, *net, *function, *augpipe;
    atl_init_options init;
    int batch, runs, warmup, layers, json;
    int train, batch_given;
    int project, tune, features; // a step of these; with LPIPS of fresh weights
    double peak; // GFLOP/s
    atl_profile profile;
} cli_bench_options;

double cli_bench_resident_mb(void);
void cli_bench_processor(char *name, size_t room); // as the system calls it
void cli_bench_print_head(const atl_ctx *ctx, const char *cpu, double peak);
int cli_bench_print_json(json_t *json); // takes it; NULL: memory was missing
// Work over peak over time: 1 is a perfect direct implementation.
double cli_bench_ratio(double peak, double gflop, double ms);

int cli_bench_train(cli_bench_options *b, atl_ctx *ctx); // bench_train.c: the phases of a training step
int cli_bench_edit(cli_bench_options *b, atl_ctx *ctx, atl_model *model); // bench_edit.c: projection and tuning

#endif
