// SPDX-License-Identifier: Apache-2.0
// Any bytes as a .safetensors file: parsed, every array read to its last element, and the record of a training run
// in it, when there is one.
#include <stddef.h>
#include <stdint.h>
#include "io/arrays.h"
#include "train/snapshot.h"

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
        atl_train_record r;
        if (atl_train_record_read(ctx, "fuzz", set, &r) == ATL_OK &&
            !(r.augment_p >= 0 && r.augment_p <= 1 && r.images >= 0 && r.iteration >= 0))
            __builtin_trap();
        atl_arrays_close(&set);
    }
    atl_ctx_close(&ctx);
    return 0;
}
