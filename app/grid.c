// SPDX-License-Identifier: Apache-2.0
// Picture grids of a training run; see grid.h.
#include "grid.h"

#include <math.h>
#include <stdlib.h>
#include <atelier/rng.h>
#include "memory.h"

static int clip(int x, int low, int high) {
    return x < low ? low : x > high ? high : x;
}

void app_grid_size(int width, int height, int *across, int *down) {
    *across = clip(7680 / width, 7, 32);
    *down = clip(4320 / height, 4, 32);
}

// ---- Which reals

static void choose_any(const uint32_t *order, size_t count, size_t n, uint32_t *indices) {
    for (size_t i = 0; i < n; i++)
        indices[i] = order[i % count];
}

// The class of a one-hot label: where it is largest.  label [size].
static uint32_t class_of(const float *label, int size) {
    uint32_t best = 0;
    for (int i = 1; i < size; i++)
        if (label[i] > label[best])
            best = (uint32_t)i;
    return best;
}

// The smallest class that some picture has, from `least` on; from 0 on when there is none.  classes [count].
static uint32_t next_class(const uint32_t *classes, size_t count, uint32_t least) {
    uint32_t first = UINT32_MAX, next = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        first = classes[i] < first ? classes[i] : first;
        next = classes[i] >= least && classes[i] < next ? classes[i] : next;
    }
    return next < UINT32_MAX ? next : first;
}

// A class in each row, its pictures in shuffled order, repeated when they are too few.
static void choose_classes(const uint32_t *order, const uint32_t *classes, size_t count, size_t across,
                           size_t down, uint32_t *indices) {
    uint32_t class = next_class(classes, count, 0);
    for (size_t row = 0; row < down; row++, class = next_class(classes, count, class + 1)) {
        uint32_t *to = indices + row * across;
        size_t found = 0;
        for (size_t i = 0; i < count && found < across; i++)
            if (classes[order[i]] == class)
                to[found++] = order[i];
        for (size_t i = found; i < across; i++)
            to[i] = to[i - found];
    }
}

app_status app_grid_choose(const atl_dataset *set, int across, int down, uint32_t *indices, app_error *e) {
    const atl_dataset_info *info = atl_dataset_info_get(set);
    size_t labels = (size_t)(info->label_size > 0 ? info->label_size : 0);
    uint32_t *order = app_array(info->count, 1, 1, sizeof *order, e);
    uint32_t *classes = order ? app_array(info->count, 1, 1, sizeof *classes, e) : NULL;
    float *label = classes ? app_array(labels, 1, 1, sizeof *label, e) : NULL;
    app_status status = label ? APP_OK : APP_FAILED;
    if (status == APP_OK && (info->count == 0 || info->count > UINT32_MAX))
        status = app_fail(e, "%s: a grid needs 1 to 4294967295 pictures, not %zu", info->name, info->count);
    if (status == APP_OK) {
        atl_numpy_rng rng;
        atl_numpy_rng_init(&rng, 0);
        for (size_t i = 0; i < info->count; i++)
            order[i] = (uint32_t)i;
        atl_numpy_rng_shuffle(&rng, order, (uint32_t)info->count);
        for (size_t i = 0; i < info->count && labels; i++) {
            atl_dataset_label(set, i, label);
            classes[i] = class_of(label, info->label_size);
        }
        if (labels)
            choose_classes(order, classes, info->count, (size_t)across, (size_t)down, indices);
        else
            choose_any(order, info->count, (size_t)across * (size_t)down, indices);
    }
    free(order);
    free(classes);
    free(label);
    return status;
}

// ---- The sheet

app_status app_grid_open(app_grid *g, atl_ctx *ctx, int across, int down, int channels, int height, int width,
                         app_error *e) {
    enum { MOST = 1 << 20 }; // app_grid_spread() relies on it
    *g = (app_grid){ ctx, across, down, channels, height, width, { 0 } };
    if (across < 1 || down < 1 || height < 1 || width < 1 || across > 32768 / width || down > 32768 / height)
        return app_fail(e, "a grid of %dx%d pictures of %dx%d is over 32768 pixels wide or high", across,
                        down, width, height);
    if ((int64_t)across * down > MOST)
        return app_fail(e, "a grid of %dx%d pictures has more than a million", across, down);
    if (atl_image_init(ctx, across * width, down * height, channels, &g->sheet) != ATL_OK)
        return app_fail_ctx(e, ctx);
    return APP_OK;
}

void app_grid_clear(app_grid *g) {
    if (g->ctx)
        atl_image_clear(g->ctx, &g->sheet);
    *g = (app_grid){ 0 };
}

// The first byte of a picture's row within the sheet.
static uint8_t *row_at(const app_grid *g, size_t index, int y) {
    size_t line = (index / (size_t)g->across) * (size_t)g->height + (size_t)y;
    size_t column = (index % (size_t)g->across) * (size_t)g->width;
    return g->sheet.pixels + (line * (size_t)g->sheet.width + column) * (size_t)g->channels;
}

static uint8_t to_byte(float x) {
    float scaled = rintf((x + 1) * 127.5f);
    return (uint8_t)(scaled > 0 ? scaled < 255 ? scaled : 255 : 0); // NaN is not > 0
}

// chw [channels, height, width]
static void put_one(app_grid *g, size_t index, const float *chw) {
    size_t plane = (size_t)g->height * (size_t)g->width;
    for (int y = 0; y < g->height; y++) {
        uint8_t *to = row_at(g, index, y);
        const float *from = chw + (size_t)y * (size_t)g->width;
        for (int x = 0; x < g->width; x++)
            for (int c = 0; c < g->channels; c++)
                *to++ = to_byte(from[(size_t)c * plane + (size_t)x]);
    }
}

void app_grid_put(app_grid *g, size_t first, size_t n, const float *images) {
    size_t size = (size_t)g->channels * (size_t)g->height * (size_t)g->width;
    for (size_t i = 0; i < n; i++)
        put_one(g, first + i, images + i * size);
}

void app_grid_put_image(app_grid *g, size_t index, const atl_image *image) {
    atl_image_paste(&g->sheet, image, (int)(index % (size_t)g->across) * g->width,
                    (int)(index / (size_t)g->across) * g->height);
}

app_status app_grid_save(const app_grid *g, const char *path, app_error *e) {
    return atl_image_write(g->ctx, path, "png", &g->sheet, 0, NULL, 0) == ATL_OK ? APP_OK
                                                                                 : app_fail_ctx(e, g->ctx);
}

double app_grid_spread(const app_grid *g) {
    size_t n = (size_t)g->across * (size_t)g->down, row = (size_t)g->width * (size_t)g->channels;
    double total = 0;
    for (int y = 0; y < g->height; y++)
        for (size_t x = 0; x < row; x++) {
            uint64_t sum = 0, squares = 0; // whole numbers: no rounding; at most 2^56
            for (size_t i = 0; i < n; i++) {
                uint64_t v = row_at(g, i, y)[x];
                sum += v;
                squares += v * v;
            }
            total += sqrt((double)(n * squares - sum * sum)) / (double)n;
        }
    return total / 127.5 / (double)g->height / (double)row;
}
