// SPDX-License-Identifier: Apache-2.0
// Any bytes as a .npy or .npz file, a torch file, a pickle or text: parsed, and every array read to its last element.
#include <stddef.h>
#include <stdint.h>
#include "io/arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    atl_arrays *set;
    if (atl_arrays_open_memory(ctx, "fuzz", data, size, &set) == ATL_OK) {
        for (size_t i = 0; i < atl_arrays_size(set); i++) {
            const atl_array *a = atl_arrays_get(set, i);
            float x[64];
            int64_t count = atl_array_count(a);
            for (int64_t at = 0; at < count; at += 64)
                atl_array_read_f32(a, at, count - at < 64 ? count - at : 64, x);
            if (atl_arrays_find(set, a->name) != a)
                __builtin_trap();
        }
        (void)atl_arrays_metadata(set, "tree");
        atl_arrays_close(&set);
    }
    atl_ctx_close(&ctx);
    return 0;
}
