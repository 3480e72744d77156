// SPDX-License-Identifier: Apache-2.0
// Any bytes as a plain pickle: parsed, then turned into JSON as far as it goes.
#include <stddef.h>
#include <stdint.h>
#include "io/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, NULL) != ATL_OK)
        return 0;
    atl_arena arena;
    atl_arena_init(&arena, ctx, 64 << 20);
    atl_pickle_reader reader = { &arena, "fuzz", NULL, NULL, NULL };
    atl_object *root;
    if (atl_pickle_read(&reader, data, size, NULL, &root) == ATL_OK) {
        json_decref(atl_object_json(root, 10000, NULL));
        (void)atl_object_get(root, "G_ema");
    }
    atl_arena_clear(&arena);
    atl_ctx_close(&ctx);
    return 0;
}
