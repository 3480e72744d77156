// SPDX-License-Identifier: Apache-2.0
// Any bytes as dataset.json of three pictures: read, and what was accepted written and read again.
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "data/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PICTURES = 3 };

static void write_again(atl_ctx *ctx, const atl_label_set *set) {
    static const uint32_t kept[PICTURES] = { 0, 1, 2 };
    atl_image_bytes text = { 0 };
    atl_label_set again;
    atl_source_entry entries[PICTURES] = { { "00000/img00000000.png", 0, 0 },
                                           { "00000/img00000001.png", 1, 0 },
                                           { "00000/img00000002.png", 2, 0 } };
    if (atl_label_set_write(ctx, set, kept, PICTURES, &text) == ATL_OK) {
        atl_source made = { .ctx = ctx,
                            .path = "made",
                            .entries = entries,
                            .count = PICTURES,
                            .json = text.data,
                            .json_bytes = text.size };
        if (atl_label_set_read(ctx, &made, ATL_LABELS_JSON, &again) == ATL_OK) {
            if (again.size != set->size || again.missing)
                __builtin_trap();
            atl_label_set_clear(ctx, &again);
        } else if (ctx->status != ATL_NO_MEMORY) {
            __builtin_trap();
        }
    }
    atl_free(ctx, text.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 64 << 20;
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    atl_source_entry entries[PICTURES] = { { "a.png", 0, 0 }, { "b.png", 1, 0 }, { "c.png", 2, 0 } };
    atl_source source = {
        .ctx = ctx, .path = "fuzz", .entries = entries, .count = PICTURES, .json = data, .json_bytes = size
    };
    atl_label_set set;
    if (atl_label_set_read(ctx, &source, ATL_LABELS_JSON, &set) == ATL_OK) {
        if (set.size && !set.missing)
            write_again(ctx, &set);
        atl_label_set_clear(ctx, &set);
    }
    atl_ctx_close(&ctx);
    return 0;
}
