// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a tuned network has changed, put into a network whose values are all the same: what is
// refused leaves every number as it was, and what is taken leaves numbers.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "models/model.h"
#include "run/deltas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const float VALUE = 0.5f;

static atl_status make_network(atl_ctx *ctx, atl_network *n) {
    static const char config[] =
        "{\"z_dim\": 2, \"c_dim\": 0, \"w_dim\": 2, \"num_ws\": 2, \"img_resolution\": 4, "
        "\"img_channels\": 1, \"architecture\": \"skip\", \"conv_clamp\": null, "
        "\"channel_base\": 8, \"channel_max\": 2, \"mapping\": {\"num_layers\": 1}}";
    json_t *json = json_loads(config, 0, NULL);
    atl_status status = atl_network_make(ctx, atl_model_row_find("stylegan2_generator"), "G_ema", json, 0, n);
    for (size_t i = 0; status == ATL_OK && i < n->params.total; i++)
        n->params.data[i] = VALUE;
    return status;
}

static void check_values(const atl_network *n, atl_status status) {
    for (size_t i = 0; i < n->params.size; i++) {
        const float *x = atl_param_data(&n->params, &n->params.list[i]);
        for (size_t k = 0; k < n->params.list[i].count; k++)
            if (status == ATL_OK ? !isfinite(x[k]) : x[k] != VALUE)
                __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    char path[] = "/tmp/fuzz-deltas-XXXXXX";
    int handle = mkstemp(path);
    FILE *file = handle >= 0 ? fdopen(handle, "wb") : NULL;
    atl_ctx *ctx;
    atl_network network;
    options.memory_cap = 64 << 20;
    options.threads = 1;
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) ||
        atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    if (make_network(ctx, &network) != ATL_OK)
        __builtin_trap();
    atl_status status = atl_deltas_apply(path, &network);
    if (status != ATL_OK && !*atl_message(ctx))
        __builtin_trap(); // a failure without a sentence
    check_values(&network, status);
    atl_network_clear(&network);
    atl_ctx_close(&ctx);
    unlink(path);
    return 0;
}
