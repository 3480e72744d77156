// SPDX-License-Identifier: Apache-2.0
// Gray is the mean of the colours: masks are black and white, so no weights matter.  See mask.h.
#include "mask.h"

app_status app_mask_read(atl_ctx *ctx, const char *path, atl_image *mask, app_error *e) {
    atl_image from = { 0 };
    *mask = (atl_image){ 0 };
    if (atl_image_read(ctx, path, &from) != ATL_OK ||
        atl_image_init(ctx, from.width, from.height, 1, mask) != ATL_OK) {
        atl_image_clear(ctx, &from);
        return app_fail_ctx(e, ctx);
    }
    unsigned c = (unsigned)from.channels, colours = c > 2 ? 3 : 1;
    for (size_t i = 0; i < (size_t)from.width * (size_t)from.height; i++) {
        const uint8_t *p = from.pixels + i * c;
        unsigned sum = 0;
        for (unsigned k = 0; k < colours; k++)
            sum += p[k];
        mask->pixels[i] = (uint8_t)(c % 2 ? sum / colours : sum / colours * p[c - 1] / 255);
    }
    atl_image_clear(ctx, &from);
    return APP_OK;
}
