// SPDX-License-Identifier: Apache-2.0
// Any bytes as a picture of one format: pixels, text and facts, under a small memory limit.  The format's own
// reader is called, whatever its probe says.
#ifndef ATL_TESTS_FUZZ_PICTURE_H
#define ATL_TESTS_FUZZ_PICTURE_H

#include "data/facts.h"
#include "io/image_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline int fuzz_picture(const atl_image_format *format, const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.threads = 1;
    options.memory_cap = 16 << 20;
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    const atl_image_source source = { "input", data, size };
    atl_image image = { 0 };
    if (format->read && format->read(ctx, &source, &image) == ATL_OK)
        atl_image_clear(ctx, &image);
    atl_message_clear(ctx);
    char *text = NULL;
    if (format->text && format->text(ctx, &source, "atelier", &text) == ATL_OK)
        atl_text_free(ctx, text);
    atl_facts facts;
    atl_facts_find(data, size, &facts);
    atl_ctx_close(&ctx);
    return 0;
}

#endif
