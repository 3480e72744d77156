// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of torch.save or an official pickle: parsed, and every tensor near the root read.
#include <stddef.h>
#include <stdint.h>
#include "io/torch.h"

enum { DEPTH = 6, VALUES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void visit(atl_torch *torch, const atl_object *o, int depth, size_t *left, float *values) {
    if (!o || depth > DEPTH || *left == 0)
        return;
    --*left;
    switch (o->type) {
    case ATL_OBJECT_TENSOR:
        if (atl_tensor_dtype(o->u.tensor) >= 0 && atl_tensor_count(o->u.tensor) <= VALUES)
            (void)atl_tensor_read_f32(torch, o->u.tensor, values);
        break;
    case ATL_OBJECT_LIST:
    case ATL_OBJECT_TUPLE:
    case ATL_OBJECT_SET:
    case ATL_OBJECT_DICT:
        for (size_t i = 0; i < o->size * (o->type == ATL_OBJECT_DICT ? 2 : 1); i++)
            visit(torch, o->u.items[i], depth + 1, left, values);
        break;
    case ATL_OBJECT_INSTANCE:
        visit(torch, o->u.instance->state, depth + 1, left, values);
        visit(torch, o->u.instance->dict, depth + 1, left, values);
        visit(torch, o->u.instance->list, depth + 1, left, values);
        break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    atl_torch *torch;
    float *values = atl_alloc(ctx, VALUES, sizeof *values);
    if (values && atl_torch_open_memory(ctx, "fuzz", data, size, true, &torch) == ATL_OK) {
        size_t left = 2000;
        visit(torch, atl_torch_root(torch), 0, &left, values);
        atl_torch_close(&torch);
    }
    atl_free(ctx, values);
    atl_ctx_close(&ctx);
    return 0;
}
