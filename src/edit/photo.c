// SPDX-License-Identifier: Apache-2.0
// A photo as networks see it: upright, in three colours.
#include <atelier/align.h>

#include "data/facts.h"
#include "data/prepare.h"
#include "io/file.h"
#include "io/image_format.h"

// [h, w, 1 to 4] -> [h, w, 3], on white.
static void colour(const atl_image *from, atl_image *to) {
    size_t c = (size_t)from->channels, area = (size_t)from->width * (size_t)from->height;
    for (size_t i = 0; i < area; i++) {
        const uint8_t *p = from->pixels + i * c;
        unsigned alpha = c % 2 ? 255 : p[c - 1];
        for (size_t k = 0; k < 3; k++)
            to->pixels[3 * i + k] = (uint8_t)((p[c > 2 ? k : 0] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

static atl_status make_rgb(atl_ctx *ctx, atl_image *image) {
    atl_image rgb;
    if (image->channels == 3)
        return ATL_OK;
    ATL_TRY(atl_image_init(ctx, image->width, image->height, 3, &rgb));
    colour(image, &rgb);
    atl_image_clear(ctx, image);
    *image = rgb;
    return ATL_OK;
}

atl_status atl_align_photo(atl_ctx *ctx, const char *path, atl_image *photo) {
    atl_file file;
    atl_facts facts;
    *photo = (atl_image){ 0 };
    ATL_TRY(atl_file_map(ctx, path, &file));
    const atl_image_source source = { path, file.data, file.bytes };
    atl_facts_find(file.data, file.bytes, &facts);
    atl_status status = atl_image_decode(ctx, &source, photo);
    atl_file_unmap(&file);
    if (status == ATL_OK)
        status = atl_image_turn(ctx, facts.orientation, photo);
    if (status == ATL_OK)
        status = make_rgb(ctx, photo);
    if (status != ATL_OK)
        atl_image_clear(ctx, photo);
    return status;
}
