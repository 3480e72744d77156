// SPDX-License-Identifier: Apache-2.0
// Any bytes as a checkpoint, and what follows: descriptions, values, and the graph of every network that has
// a model.  Its corpus holds tiny networks of every layout; in those of PyTorch all tensors share one storage of a
// few numbers, with strides of zero.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "ckpt/ckpt.h"
#include "run/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void build(atl_ctx *ctx, const atl_ckpt_net *net, const atl_params *params) {
    const atl_model_row *row = atl_model_row_find(net->kind);
    void *config = row ? atl_calloc(ctx, 1, row->config_bytes) : NULL;
    atl_model_dims d;
    if (!config || row->parse(ctx, net->config, config) != ATL_OK ||
        row->dims(ctx, config, params, &d) != ATL_OK) {
        atl_free(ctx, config);
        return;
    }
    atl_graph g;
    atl_graph_init(&g, ctx);
    atl_net n = { .g = &g, .params = (atl_params *)params };
    atl_network_build(&n, row, config);
    atl_graph_clear(&g);
    atl_free(ctx, config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[] = "/tmp/atl-fuzz-XXXXXX";
    int file = mkstemp(path);
    if (file < 0)
        return 0;
    ssize_t written = write(file, data, size);
    close(file);
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.threads = 1;
    options.memory_cap = 16 << 20;
    atl_ctx *ctx;
    if (written == (ssize_t)size && atl_ctx_open(&ctx, &options) == ATL_OK) {
        atl_ckpt *ckpt;
        if (atl_ckpt_open(ctx, path, &ckpt) == ATL_OK)
            for (size_t i = 0; i < atl_ckpt_size(ckpt); i++) {
                atl_params params;
                atl_params_init(&params, ctx);
                const atl_ckpt_net *net = atl_ckpt_get(ckpt, i);
                if (!net->why && net->kind && atl_ckpt_load(ckpt, i, &params) == ATL_OK)
                    build(ctx, net, &params);
                atl_message_clear(ctx);
                atl_params_clear(&params);
            }
        atl_ckpt_close(&ckpt);
        atl_ctx_close(&ctx);
    }
    unlink(path);
    return 0;
}
