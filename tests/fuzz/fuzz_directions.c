// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of directions: read, every number looked at, and a w moved along each.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "edit/directions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void go_along(atl_ctx *ctx, const atl_direction *d) {
    if (d->space == ATL_DIRECTION_S) {
        for (int64_t k = 0; k < 2 * d->width; k++)
            if (d->styles[k] < 0)
                __builtin_trap();
        return;
    }
    float *x = calloc((size_t)d->rows * (size_t)d->width, sizeof *x);
    if (x)
        (void)atl_direction_move(ctx, d, NULL, 1, d->rows, d->width, x);
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    options.threads = 1;
    atl_ctx *ctx;
    atl_directions *set;
    int unsure;
    if (atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    if (atl_directions_open_memory(ctx, "fuzz", data, size, NULL, &unsure, &set) == ATL_OK) {
        for (size_t i = 0; i < atl_directions_size(set) && i < 64; i++) {
            const atl_direction *d = atl_directions_get(set, i);
            if (strlen(d->name) && !atl_directions_find(set, d->name))
                __builtin_trap();
            go_along(ctx, d);
        }
        const atl_direction *d = atl_directions_get(set, 0);
        atl_directions *left;
        if (d->width * d->rows < 4096 && atl_directions_condition(set, 0, &d, 0, &left) == ATL_OK)
            atl_directions_close(&left);
        atl_directions_close(&set);
    } else if (!*atl_message(ctx)) {
        __builtin_trap(); // a failure without a sentence
    }
    atl_ctx_close(&ctx);
    return 0;
}
