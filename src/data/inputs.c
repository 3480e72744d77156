// SPDX-License-Identifier: Apache-2.0
// Resizing is Pillow's bilinear one, which does not keep proportions; of labels the nearest pixel counts.
#include "data/inputs.h"

#include <string.h>

#include "base/mem.h"
#include "data/resize.h"

bool atl_input_is_labels(const atl_input_form *form) {
    return form->channels != 1 && form->channels != ATL_INPUT_COLOURS;
}

size_t atl_input_size(const atl_input_form *form) {
    return (size_t)form->channels * (size_t)form->height * (size_t)form->width;
}

static void spread_colours(const atl_image *small, int channels, float *input) {
    size_t pixels = (size_t)small->width * (size_t)small->height;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = small->pixels + i * (size_t)small->channels;
        bool gray = small->channels < ATL_INPUT_COLOURS;
        for (int c = 0; c < channels; c++) {
            double v = (double)p[gray ? 0 : c] / 255.0;
            if (channels == 1 && !gray) // Rec. 601's luma
                v = (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) / 255.0;
            input[(size_t)c * pixels + i] = (float)(channels == 1 ? v : (v - 0.5) / 0.5);
        }
    }
}

// The nearest pixel's label as a channel of ones.
static atl_status spread_labels(atl_ctx *ctx, const atl_input_form *form, const atl_image *picture,
                                float *input) {
    size_t h = (size_t)form->height, w = (size_t)form->width, classes = (size_t)form->channels;
    memset(input, 0, atl_input_size(form) * sizeof *input);
    for (size_t i = 0; i < h * w; i++) {
        size_t y = (2 * (i / w) + 1) * (size_t)picture->height / (2 * h);
        size_t x = (2 * (i % w) + 1) * (size_t)picture->width / (2 * w);
        size_t label = picture->pixels[(y * (size_t)picture->width + x) * (size_t)picture->channels];
        if (label >= classes)
            return atl_fail(
                ctx, ATL_BAD_ARGUMENT,
                "the map has the label %zu at (%zu, %zu), and the encoder knows labels 0 to %zu: gray levels "
                "are labels",
                label, x, y, classes - 1);
        input[label * h * w + i] = 1.0f;
    }
    return ATL_OK;
}

// Smaller by the factor: what super-resolution starts from.
static atl_status reduce(atl_ctx *ctx, const atl_input_form *form, const atl_image *picture, atl_image *to) {
    int h = form->height / form->factor, w = form->width / form->factor;
    return atl_image_resize(ctx, picture, w < 1 ? 1 : w, h < 1 ? 1 : h, ATL_RESIZE_BICUBIC, to);
}

atl_status atl_input_fill(atl_ctx *ctx, const atl_input_form *form, const atl_image *picture, float *input) {
    atl_image coarse = { 0 }, small = { 0 };
    if (!picture->pixels || picture->width < 1 || picture->height < 1 || picture->channels < 1 ||
        picture->channels > 4)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "the picture is empty");
    if (atl_input_is_labels(form))
        return spread_labels(ctx, form, picture, input);
    atl_status status = form->factor > 1 ? reduce(ctx, form, picture, &coarse) : ATL_OK;
    if (status == ATL_OK)
        status = atl_image_resize(ctx, coarse.pixels ? &coarse : picture, form->width, form->height,
                                  ATL_RESIZE_BILINEAR, &small);
    if (status == ATL_OK)
        spread_colours(&small, form->channels, input);
    atl_image_clear(ctx, &coarse);
    atl_image_clear(ctx, &small);
    return status;
}
