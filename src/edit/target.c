// SPDX-License-Identifier: Apache-2.0
// Pictures as targets: cut and resized to what a generator makes, as the official projector does it with
// Pillow.
#include "edit/target.h"

#include "data/resize.h"

// Channel c of the generator's picture from a pixel of the given one; gray is Rec. 601's luma, as Pillow has
// it.
static uint8_t channel(const uint8_t *pixel, int has, int wants, int c) {
    enum { RED = 19595, GREEN = 38470, BLUE = 7471, HALF = 0x8000 };
    if (has < 3)
        return pixel[0];
    if (wants >= 3)
        return pixel[c < 3 ? c : 0];
    return (uint8_t)((pixel[0] * RED + pixel[1] * GREEN + pixel[2] * BLUE + HALF) >> 16);
}

// The same picture with the generator's channels: alpha is opaque.
static atl_status with_channels(atl_ctx *ctx, const atl_image *from, int channels, atl_image *to) {
    ATL_TRY(atl_image_init(ctx, from->width, from->height, channels, to));
    size_t pixels = (size_t)from->width * (size_t)from->height;
    int colours = channels >= 3 ? 3 : 1;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *pixel = from->pixels + i * (size_t)from->channels;
        for (int c = 0; c < channels; c++)
            to->pixels[i * (size_t)channels + (size_t)c] =
                c < colours ? channel(pixel, from->channels, channels, c) : 255;
    }
    return ATL_OK;
}

// The largest rectangle of that shape from the middle.
static atl_status crop(atl_ctx *ctx, const atl_image *from, int width, int height, atl_image *to) {
    int64_t w = from->width, h = from->height;
    if (w * height > h * width)
        w = h * width / height;
    else
        h = w * height / width;
    w = w > 0 ? w : 1;
    h = h > 0 ? h : 1;
    return atl_image_crop(ctx, from, (int)(from->width - w) / 2, (int)(from->height - h) / 2, (int)w, (int)h,
                          to);
}

atl_status atl_target_picture(const atl_network *generator, const atl_image *picture, atl_image *to) {
    atl_ctx *ctx = generator->ctx;
    const atl_model_dims *d = &generator->dims;
    atl_image cut = { 0 }, small = { 0 };
    *to = (atl_image){ 0 };
    if (!picture->pixels || picture->width < 1 || picture->height < 1 || picture->channels < 1 ||
        picture->channels > 4)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "the picture is empty");
    if (d->channels < 1 || d->channels > 4)
        return atl_fail(ctx, ATL_UNSUPPORTED, "the network makes %d channels, and pictures have up to 4",
                        d->channels);
    atl_status status = crop(ctx, picture, d->width, d->height, &cut);
    if (status == ATL_OK)
        status = atl_image_resize(ctx, &cut, d->width, d->height, ATL_RESIZE_LANCZOS, &small);
    if (status == ATL_OK)
        status = with_channels(ctx, &small, d->channels, to);
    atl_image_clear(ctx, &cut);
    atl_image_clear(ctx, &small);
    return status;
}

void atl_target_values(const atl_image *picture, float *chw) {
    size_t pixels = (size_t)picture->width * (size_t)picture->height, channels = (size_t)picture->channels;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < pixels; i++)
            chw[c * pixels + i] = (float)picture->pixels[i * channels + c] * (1.0f / 127.5f) - 1.0f;
}

void atl_target_interleave(const atl_model_dims *d, const float *chw, float *hwc) {
    size_t pixels = (size_t)d->width * (size_t)d->height, channels = (size_t)d->channels;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < pixels; i++)
            hwc[i * channels + c] = chw[c * pixels + i];
}

void atl_target_separate(const atl_model_dims *d, const float *hwc, float *chw) {
    size_t pixels = (size_t)d->width * (size_t)d->height, channels = (size_t)d->channels;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < pixels; i++)
            chw[c * pixels + i] = hwc[i * channels + c];
}
