// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of features: what opens has finite numbers and sizes that agree.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include "metrics/features.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    options.threads = 1;
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    atl_features *f;
    if (atl_features_open_memory(ctx, "fuzz", data, size, &f) == ATL_OK) {
        const atl_features_of asked = { "inception", "features", "tf", 1 };
        double sum = 0;
        for (int64_t i = 0; f->rows && i < f->count * f->width; i++)
            sum += f->rows[i];
        for (int64_t i = 0; f->mean && i < f->width; i++)
            sum += f->mean[i];
        for (int64_t i = 0; f->cov && i < f->width * f->width; i++)
            sum += f->cov[i] - f->cov[i];
        if (isnan(sum) || f->width < 1 || (!f->rows && !f->mean) || !f->mean != !f->cov)
            __builtin_trap();
        (void)atl_features_check(ctx, f, &asked, 2048);
        atl_features_close(&f);
    } else if (!*atl_message(ctx)) {
        __builtin_trap();
    }
    atl_ctx_close(&ctx);
    return 0;
}
