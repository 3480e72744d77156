// SPDX-License-Identifier: Apache-2.0
// The steps from a picture as it lies there to one of the new set: orientation, transparency, colour, crop,
// resize. Each step replaces the image by the next and releases the old one.
#include "data/prepare.h"

#include <math.h>
#include <string.h>

#include "data/resize.h"

static void replace(atl_ctx *ctx, atl_image *image, atl_image *next) {
    atl_image_clear(ctx, image);
    *image = *next;
}

// ---- orientation: where row 0 and column 0 of what is stored are to be seen, for 1 to 8: top left, top
// right, bottom right, bottom left, left top, right top, right bottom, left bottom

// The place in a stored picture of w x h pixels of (x, y) in the turned one.
static size_t stored(int orientation, size_t w, size_t h, size_t x, size_t y) {
    bool across = orientation >= 5;
    size_t sx = across ? y : x, sy = across ? x : y;
    bool right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    sx = right ? w - 1 - sx : sx;
    sy = below ? h - 1 - sy : sy;
    return sy * w + sx;
}

atl_status atl_image_turn(atl_ctx *ctx, int orientation, atl_image *image) {
    if (orientation < 2 || orientation > 8)
        return ATL_OK;
    atl_image next;
    bool across = orientation >= 5;
    size_t w = (size_t)image->width, h = (size_t)image->height, c = (size_t)image->channels;
    ATL_TRY(atl_image_init(ctx, across ? image->height : image->width, across ? image->width : image->height,
                           image->channels, &next));
    uint8_t *to = next.pixels;
    for (size_t y = 0; y < (size_t)next.height; y++)
        for (size_t x = 0; x < (size_t)next.width; x++, to += c)
            memcpy(to, image->pixels + stored(orientation, w, h, x, y) * c, c);
    replace(ctx, image, &next);
    return ATL_OK;
}

static atl_status read_turned(const atl_source *s, bool orient, atl_ctx *ctx, size_t index, atl_image *image,
                              bool *lying) {
    atl_facts facts;
    atl_status status = atl_source_read_facts(s, ctx, index, image, &facts);
    *lying = facts.orientation != 1 && !orient;
    if (status == ATL_OK && orient)
        status = atl_image_turn(ctx, facts.orientation, image);
    if (status != ATL_OK)
        atl_image_clear(ctx, image);
    return status;
}

// ---- colours and sizes

void atl_image_flatten(atl_image *image, unsigned ground) {
    size_t c = (size_t)image->channels, area = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < area; i++) {
        unsigned alpha = image->pixels[i * c + c - 1];
        for (size_t k = 0; k + 1 < c; k++)
            image->pixels[i * (c - 1) + k] =
                (uint8_t)((image->pixels[i * c + k] * alpha + ground * (255 - alpha) + 127) / 255);
    }
    image->channels--;
}

// Gray by the weights of ITU-R 601 in 16 bits, as Pillow's convert("L").
atl_status atl_image_color(atl_ctx *ctx, atl_color color, atl_image *image) {
    int want = color == ATL_COLOR_RGB ? 3 : color == ATL_COLOR_GRAY ? 1 : image->channels;
    if (want == image->channels)
        return ATL_OK;
    atl_image next;
    ATL_TRY(atl_image_init(ctx, image->width, image->height, want, &next));
    size_t area = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < area; i++) {
        const uint8_t *p = image->pixels + i * (size_t)image->channels;
        if (want == 1)
            next.pixels[i] = (uint8_t)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
        else
            next.pixels[3 * i] = next.pixels[3 * i + 1] = next.pixels[3 * i + 2] = p[0];
    }
    replace(ctx, image, &next);
    return ATL_OK;
}

static atl_status crop_middle(atl_ctx *ctx, int width, int height, atl_image *image) {
    atl_image next;
    if (width == image->width && height == image->height)
        return ATL_OK;
    ATL_TRY(atl_image_crop(ctx, image, (image->width - width) / 2, (image->height - height) / 2, width,
                           height, &next));
    replace(ctx, image, &next);
    return ATL_OK;
}

static atl_status resize_to(atl_ctx *ctx, int width, int height, atl_resize filter, atl_image *image) {
    atl_image next;
    if (width == image->width && height == image->height)
        return ATL_OK;
    ATL_TRY(atl_image_resize(ctx, image, width, height, filter, &next));
    replace(ctx, image, &next);
    return ATL_OK;
}

static atl_status crop_square(const atl_dataset_make_options *o, atl_ctx *ctx, atl_image *image) {
    int side = image->width < image->height ? image->width : image->height;
    ATL_TRY(crop_middle(ctx, side, side, image));
    return resize_to(ctx, o->width ? o->width : side, o->height ? o->height : side, o->filter, image);
}

// The middle of the proportions width : height, resized, in the middle of a black square.
static atl_status crop_wide(const atl_dataset_make_options *o, atl_ctx *ctx, atl_image *image, bool *small) {
    int width = image->width, height = (int)lround((double)image->width * o->height / o->width);
    if (height > image->height) {
        height = image->height;
        width = (int)lround((double)image->height * o->width / o->height);
        width = width > image->width ? image->width : width;
    }
    *small = width < o->width || height < o->height;
    if (*small) {
        atl_image_clear(ctx, image);
        return ATL_OK;
    }
    ATL_TRY(crop_middle(ctx, width, height, image));
    ATL_TRY(resize_to(ctx, o->width, o->height, o->filter, image));
    atl_image square;
    ATL_TRY(atl_image_init(ctx, o->width, o->width, image->channels, &square));
    atl_image_paste(&square, image, 0, (o->width - o->height) / 2);
    replace(ctx, image, &square);
    return ATL_OK;
}

static atl_status crop_and_resize(const atl_dataset_make_options *o, atl_ctx *ctx, atl_image *image,
                                  bool *small) {
    switch (o->crop) {
    case ATL_CROP_CENTER: return crop_square(o, ctx, image);
    case ATL_CROP_CENTER_WIDE: return crop_wide(o, ctx, image, small);
    case ATL_CROP_NONE: break;
    }
    return resize_to(ctx, o->width ? o->width : image->width, o->height ? o->height : image->height,
                     o->filter, image);
}

atl_status atl_prepare(const atl_source *s, const atl_dataset_make_options *o, atl_ctx *ctx, size_t index,
                       atl_image *image, atl_prepared *prepared) {
    *prepared = (atl_prepared){ false, false };
    *image = (atl_image){ 0 };
    ATL_TRY(read_turned(s, o->orient, ctx, index, image, &prepared->lying));
    atl_status status = ATL_OK;
    if (o->alpha == ATL_ALPHA_REFUSE)
        status = atl_picture_drop_alpha(s, ctx, index, image);
    else if (image->channels == 2 || image->channels == 4)
        atl_image_flatten(image, o->alpha == ATL_ALPHA_WHITE ? 255 : 0);
    if (status == ATL_OK)
        status = atl_image_color(ctx, o->color, image);
    if (status == ATL_OK)
        status = crop_and_resize(o, ctx, image, &prepared->small);
    if (status != ATL_OK)
        atl_image_clear(ctx, image);
    return status;
}
