// SPDX-License-Identifier: Apache-2.0
// A photo as networks see it: upright, in three colours.
#include <atelier/align.h>

#include "data/facts.h"
#include "data/prepare.h"
#include "io/file.h"
#include "io/image_format.h"

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
    if (status == ATL_OK && photo->channels % 2 == 0)
        atl_image_flatten(photo, 255);
    if (status == ATL_OK)
        status = atl_image_color(ctx, ATL_COLOR_RGB, photo);
    if (status != ATL_OK)
        atl_image_clear(ctx, photo);
    return status;
}
