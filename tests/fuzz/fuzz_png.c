// SPDX-License-Identifier: Apache-2.0
// Any bytes as a picture: pixels and text, under a small memory limit.  The format's own reader is
// called, whatever its probe says.
#include "io/image_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.threads = 1;
    options.memory_cap = 16 << 20;
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, &options) != ATL_OK)
        return 0;
    const atl_image_source source = { "input", data, size };
    atl_image image = { 0 };
    if (atl_image_png.read(ctx, &source, &image) == ATL_OK)
        atl_image_clear(ctx, &image);
    atl_message_clear(ctx);
    char *text = NULL;
    if (atl_image_png.text && atl_image_png.text(ctx, &source, "atelier", &text) == ATL_OK)
        atl_text_free(ctx, text);
    atl_ctx_close(&ctx);
    return 0;
}
